"""The database: the truth. Each function is one transaction and takes and returns dataclasses.

Only the conductor has an address that may write (and the bootstrap, before any daemon runs).
Written for SQLite, PostgreSQL and MariaDB alike: no statement here that one of them lacks.
"""
