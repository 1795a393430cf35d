"""NUMA as Nova has it: what a guest wants, what a node's cells have, and whether the one fits.

Pure: the scheduler's filter, the claims in the database and the compute host all ask it.
"""
