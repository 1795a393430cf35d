"""What serves the interfaces of services.conductor.rpcapi: module and method names are the same."""
