"""Conditions on an instance's tags, for lists."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from devstack_lite.db.schema import instance_tags, instances


def with_all(tags: Collection[str]) -> sa.ColumnElement[bool]:
    """Return the condition that an instance has each of these tags."""
    return sa.and_(sa.true(), *(_has([tag]) for tag in tags))


def with_any(tags: Collection[str]) -> sa.ColumnElement[bool]:
    """Return the condition that an instance has one of these tags."""
    return _has(tags)


def _has(tags: Collection[str]) -> sa.ColumnElement[bool]:
    own = instance_tags.c
    return instances.c.uuid.in_(sa.select(own.instance_uuid).where(own.tag.in_(list(tags))))
