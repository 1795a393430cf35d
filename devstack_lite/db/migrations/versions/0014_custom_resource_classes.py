"""Resource classes that an operator gives nodes, and what claims take of them.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; each host fills its nodes' inventories in when it reports."""
    with op.batch_alter_table("compute_nodes") as batch_op:
        batch_op.add_column(sa.Column("inventories", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("resources_used", sa.JSON(), nullable=True))
    with op.batch_alter_table("claims") as batch_op:
        batch_op.add_column(sa.Column("resources", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("claims") as batch_op:
        batch_op.drop_column("resources")
    with op.batch_alter_table("compute_nodes") as batch_op:
        batch_op.drop_column("resources_used")
        batch_op.drop_column("inventories")
