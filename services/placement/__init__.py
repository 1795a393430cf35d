"""Placement's API, as a view of the nodes and claims that the scheduler works with."""
