"""Compute's tables that hold what is beside an instance's row, in schema.metadata."""

from __future__ import annotations

import sqlalchemy as sa

from devstack_lite.db.schema import UtcDateTime, metadata

device_tags = sa.Table(
    "device_tags", metadata,
    sa.Column("instance_uuid", sa.String(36), primary_key=True),
    sa.Column("device_id", sa.String(64), primary_key=True),
    sa.Column("tag", sa.String(60), nullable=False),
)  # fmt: skip

console_tokens = sa.Table(
    "console_tokens", metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    sa.Column("console_type", sa.String(32), nullable=False),
    sa.Column("node", sa.String(255), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)  # fmt: skip
