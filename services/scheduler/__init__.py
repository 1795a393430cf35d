"""Chooses hosts: filter, then weigh."""
