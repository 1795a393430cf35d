"""NUMA cells: what a node has of them, what is taken, and what each claim takes.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("compute_nodes", sa.Column("numa_topology", sa.Text(), nullable=True))
    op.add_column("compute_nodes", sa.Column("numa_used", sa.Text(), nullable=True))
    op.add_column("claims", sa.Column("numa_topology", sa.Text(), nullable=True))


def downgrade() -> None:
    """Remove them."""
    for table, column in (
        ("claims", "numa_topology"),
        ("compute_nodes", "numa_used"),
        ("compute_nodes", "numa_topology"),
    ):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
