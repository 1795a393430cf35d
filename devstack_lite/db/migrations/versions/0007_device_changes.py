"""Device changes.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from devstack_lite.db.schema import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "device_changes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("instance_attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=True),
        sa.Column("progress_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_changes")),
        sa.UniqueConstraint(
            "instance_uuid", "device_id", name=op.f("uq_device_changes_instance_uuid_device_id")
        ),
    )
    op.create_index("ix_device_changes_progress_at", "device_changes", ["progress_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("device_changes")
