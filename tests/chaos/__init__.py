"""Faults that are asked for: nothing is lost, nothing is double, the invariants hold."""
