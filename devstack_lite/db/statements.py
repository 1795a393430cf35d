"""Statements that are put together once and executed often.

Most of what a statement costs SQLAlchemy is to put it together. A module's constant is put together
at import, and remembers the key under which its text is kept; what changes goes in as parameters.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import Insert

UUIDS = "uuids"
"""The parameter of `one_of`, where nothing else is said."""


def one_of(column: sa.Column[Any], name: str = UUIDS) -> sa.ColumnElement[bool]:
    """Return the condition that a column has one of the values in the parameter `name`: a list."""
    return column.in_(sa.bindparam(name, expanding=True))


def insert_missing(connection: Connection, table: sa.Table) -> Insert:
    """Return an INSERT that passes over rows whose key is there already.

    MariaDB passes over rows that it cannot take for other reasons as well.
    """
    return _insert_missing(connection.dialect.name, table)


@cache
def _insert_missing(backend: str, table: sa.Table) -> Insert:
    if backend == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    if backend == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return mysql.insert(table).prefix_with("IGNORE")
