"""Documents of a project: an extension of devstack-lite's compute API."""
