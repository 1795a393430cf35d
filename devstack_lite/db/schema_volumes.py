"""The volume service's tables beside volumes and attachments, which are in schema.py."""

from __future__ import annotations

import sqlalchemy as sa

from devstack_lite.db.schema import UtcDateTime, metadata

volume_snapshots = sa.Table(
    "volume_snapshots", metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("volume_id", sa.String(64), sa.ForeignKey("volumes.id"), nullable=False, index=True),
    sa.Column("name", sa.String(255)),
    sa.Column("description", sa.String(255)),
    sa.Column("project_id", sa.String(64), nullable=False, index=True),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("size_gb", sa.Integer, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("bootable", sa.Boolean, nullable=False),
    sa.Column("image_id", sa.String(64)),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("image_metadata", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)  # fmt: skip

volume_types = sa.Table(
    "volume_types", metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("description", sa.String(255)),
    sa.Column("is_public", sa.Boolean, nullable=False),
    sa.Column("extra_specs", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)  # fmt: skip

volume_type_access = sa.Table(
    "volume_type_access", metadata,
    sa.Column("type_id", sa.String(64), primary_key=True),
    sa.Column("project_id", sa.String(64), primary_key=True),
)  # fmt: skip

volume_quotas = sa.Table(
    "volume_quotas", metadata,
    sa.Column("project_id", sa.String(64), primary_key=True),
    sa.Column("resource", sa.String(64), primary_key=True),
    sa.Column("hard_limit", sa.Integer, nullable=False),
)  # fmt: skip

volume_transfers = sa.Table(
    "volume_transfers", metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("volume_id", sa.String(64), sa.ForeignKey("volumes.id"), nullable=False, unique=True),
    sa.Column("project_id", sa.String(64), nullable=False),
    sa.Column("name", sa.String(255)),
    sa.Column("salt", sa.String(64), nullable=False),
    sa.Column("key_hash", sa.String(128), nullable=False),
    sa.Column("no_snapshots", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)  # fmt: skip
