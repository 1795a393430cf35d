"""Breaks a running cloud on purpose, and judges what became of it.

From outside: signals to processes that the cloud recorded as its own, and HTTP as any client speaks
it. Nothing here is imported by a daemon, and nothing here imports one.
"""
