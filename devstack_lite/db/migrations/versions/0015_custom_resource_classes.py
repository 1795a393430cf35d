"""Resource classes that an operator gives nodes, what claims take of them, and what is kept back.

Revision ID: 0015
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; each host fills its nodes' inventories in when it reports."""
    with op.batch_alter_table("compute_nodes") as batch_op:
        for name in ("reserved_vcpus", "reserved_disk_gb"):
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("inventories", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("resources_used", sa.JSON(), nullable=True))
    with op.batch_alter_table("claims") as batch_op:
        batch_op.add_column(sa.Column("resources", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("claims") as batch_op:
        batch_op.drop_column("resources")
    with op.batch_alter_table("compute_nodes") as batch_op:
        for name in ("resources_used", "inventories", "reserved_disk_gb", "reserved_vcpus"):
            batch_op.drop_column(name)
