"""Locks, and what the services keep of an instance.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add who locked an instance, and its system metadata."""
    with op.batch_alter_table("instances") as batch_op:
        batch_op.add_column(sa.Column("locked_by", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("system_metadata", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget both."""
    with op.batch_alter_table("instances") as batch_op:
        batch_op.drop_column("system_metadata")
        batch_op.drop_column("locked_by")
