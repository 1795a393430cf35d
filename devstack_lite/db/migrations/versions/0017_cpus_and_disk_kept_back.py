"""CPUs and disk of a node that no instance gets.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; each host fills them in when it reports."""
    with op.batch_alter_table("compute_nodes") as batch_op:
        for name in ("reserved_vcpus", "reserved_disk_gb"):
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("compute_nodes") as batch_op:
        for name in ("reserved_disk_gb", "reserved_vcpus"):
            batch_op.drop_column(name)
