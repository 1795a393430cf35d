"""Projects below projects, and their tags.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the projects that are there are right below their domains."""
    with op.batch_alter_table("projects") as batch_op:
        batch_op.add_column(sa.Column("parent_id", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("tags", sa.JSON(), nullable=True))
        batch_op.create_index(op.f("ix_projects_parent_id"), ["parent_id"])


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("projects") as batch_op:
        batch_op.drop_index(op.f("ix_projects_parent_id"))
        batch_op.drop_column("tags")
        batch_op.drop_column("parent_id")
