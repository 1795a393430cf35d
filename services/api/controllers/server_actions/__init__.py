"""The actions on a server, a module for each kind; `table` puts them together.

Not here: stop, start and reboot, which are in `servers`, and rebuild and evacuate.
"""
