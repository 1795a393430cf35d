"""What else identity is told, policies, and a server's disk configuration.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("domains", "projects", "users", "roles", "user_groups")


def upgrade() -> None:
    """Add them; nothing else was said of what is there."""
    for table in TABLES:
        op.add_column(table, sa.Column("extra", sa.JSON(), nullable=True))
    op.add_column("instances", sa.Column("auto_disk_config", sa.Boolean(), nullable=True))
    op.create_table(
        "policies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("blob", sa.JSON(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("policies")
    op.drop_column("instances", "auto_disk_config")
    for table in TABLES:
        op.drop_column(table, "extra")
