"""A quick backup of a server: an action of the compute API, and its client commands."""
