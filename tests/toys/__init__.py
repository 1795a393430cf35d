"""Toy daemons that the tests of the launcher and the supervisor start as processes."""
