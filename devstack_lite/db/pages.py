"""Paging by marker: the order of a list, and the condition of coming behind a row of it.

NULLs sort in different places on different databases; here they sort as the lowest value.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from devstack_lite.db.schema import UtcDateTime

_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)

SortOrder = Sequence[tuple[str, str]]
"""Column names with `asc` or `desc`; the last must be unique."""


def _key(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, sa.Boolean):
        return sa.cast(column, sa.Integer)
    return sa.func.coalesce(column, _lowest(column)) if column.nullable else column


def _lowest(column: sa.Column[Any]) -> Any:
    if isinstance(column.type, UtcDateTime):
        return sa.literal(_EPOCH, column.type)
    return 0 if isinstance(column.type, sa.Integer) else ""


def _value(column: sa.Column[Any], row: Any) -> Any:
    value = row._mapping[column]
    if isinstance(value, bool):
        return int(value)
    return _lowest(column) if value is None else value


def in_order(query: sa.Select[Any], table: sa.Table, sort: SortOrder) -> sa.Select[Any]:
    """Return the query in this order."""
    keys = ((_key(table.c[name]), direction) for name, direction in sort)
    return query.order_by(*(key.desc() if way == "desc" else key.asc() for key, way in keys))


def behind(table: sa.Table, row: Any, sort: SortOrder) -> sa.ColumnElement[bool]:
    """Return the condition of coming behind a full row of table in this order."""
    alternatives = []
    for position, (name, direction) in enumerate(sort):
        column = table.c[name]
        equal = [
            _key(table.c[other]) == _value(table.c[other], row) for other, _ in sort[:position]
        ]
        key, value = _key(column), _value(column, row)
        alternatives.append(sa.and_(*equal, key < value if direction == "desc" else key > value))
    # The alternatives hold it already; said by itself it lets an index begin at the row.
    first, way = sort[0]
    key, value = _key(table.c[first]), _value(table.c[first], row)
    return sa.and_(key <= value if way == "desc" else key >= value, sa.or_(*alternatives))
