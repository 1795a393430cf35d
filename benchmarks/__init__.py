"""Measures what the project promises of speed and size. Each module runs by `python -m`."""
