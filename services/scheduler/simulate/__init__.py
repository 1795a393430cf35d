"""Replays a trace of VMs through the scheduler in event time: no processes, database or broker."""
