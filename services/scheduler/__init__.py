"""Chooses hosts: filter, then weigh, over a table of hosts held in columns."""
