"""Alembic's entry: runs the migrations on the connection that devstack_lite.db.migrate gives it."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from devstack_lite.db import schema


def _render_item(kind: str, item: Any, api: Any) -> str | Literal[False]:
    if kind == "type" and isinstance(item, schema.UtcDateTime):
        api.imports.add("from devstack_lite.db.schema import UtcDateTime")
        return "UtcDateTime()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    # SQLite alters a table by making it anew.
    render_as_batch=True,
    render_item=_render_item,
)
with context.begin_transaction():
    context.run_migrations()
