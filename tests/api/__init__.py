"""The REST services, each in one process with a conductor."""
