"""Tags of instances' devices, and tokens by which a proxy finds a console.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from devstack_lite.db.schema import UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "device_tags",
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("tag", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("instance_uuid", "device_id", name=op.f("pk_device_tags")),
    )
    op.create_table(
        "console_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("console_type", sa.String(length=32), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_console_tokens")),
    )
    with op.batch_alter_table("console_tokens") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_console_tokens_instance_uuid"), ["instance_uuid"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_console_tokens_expires_at"), ["expires_at"], unique=False
        )


def downgrade() -> None:
    """Forget both."""
    op.drop_table("console_tokens")
    op.drop_table("device_tags")
