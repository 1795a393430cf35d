"""One compute host: builds, runs and deletes instances on its hypervisor's nodes."""
