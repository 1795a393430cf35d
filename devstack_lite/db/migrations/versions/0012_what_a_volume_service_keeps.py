"""Snapshots, types, quotas and transfers of volumes, and what a volume was made from.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from devstack_lite.db.schema import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; the one type there was becomes the default type."""
    op.create_table(
        "volume_quotas",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("hard_limit", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "resource", name=op.f("pk_volume_quotas")),
    )
    op.create_table(
        "volume_type_access",
        sa.Column("type_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("type_id", "project_id", name=op.f("pk_volume_type_access")),
    )
    op.create_table(
        "volume_types",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("extra_specs", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volume_types")),
        sa.UniqueConstraint("name", name=op.f("uq_volume_types_name")),
    )
    op.create_table(
        "volume_snapshots",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("volume_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("size_gb", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("bootable", sa.Boolean(), nullable=False),
        sa.Column("image_id", sa.String(length=64), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("image_metadata", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["volume_id"], ["volumes.id"], name=op.f("fk_volume_snapshots_volume_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volume_snapshots")),
    )
    with op.batch_alter_table("volume_snapshots") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_volume_snapshots_project_id"), ["project_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_volume_snapshots_volume_id"), ["volume_id"], unique=False
        )

    op.create_table(
        "volume_transfers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("volume_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.String(length=128), nullable=False),
        sa.Column("no_snapshots", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["volume_id"], ["volumes.id"], name=op.f("fk_volume_transfers_volume_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volume_transfers")),
        sa.UniqueConstraint("volume_id", name=op.f("uq_volume_transfers_volume_id")),
    )
    with op.batch_alter_table("volume_attachments") as batch_op:
        batch_op.add_column(sa.Column("boot_index", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "delete_on_termination", sa.Boolean(), server_default=sa.false(), nullable=False
            )
        )

    with op.batch_alter_table("volumes") as batch_op:
        batch_op.add_column(sa.Column("snapshot_id", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("source_volid", sa.String(length=64), nullable=True))
    op.execute("UPDATE volumes SET volume_type = '__DEFAULT__' WHERE volume_type = 'lvmdriver-1'")


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("volumes") as batch_op:
        batch_op.drop_column("source_volid")
        batch_op.drop_column("snapshot_id")

    with op.batch_alter_table("volume_attachments") as batch_op:
        batch_op.drop_column("delete_on_termination")
        batch_op.drop_column("boot_index")

    op.drop_table("volume_transfers")
    with op.batch_alter_table("volume_snapshots") as batch_op:
        batch_op.drop_index(batch_op.f("ix_volume_snapshots_volume_id"))
        batch_op.drop_index(batch_op.f("ix_volume_snapshots_project_id"))

    op.drop_table("volume_snapshots")
    op.drop_table("volume_types")
    op.drop_table("volume_type_access")
    op.drop_table("volume_quotas")
