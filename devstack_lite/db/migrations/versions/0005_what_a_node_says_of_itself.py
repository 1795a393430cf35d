"""What a node says of itself: its address, traits, metrics and failures.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; each host fills them in when it reports."""
    with op.batch_alter_table("compute_nodes") as batch_op:
        batch_op.add_column(sa.Column("host_ip", sa.String(64), nullable=True))
        batch_op.add_column(
            sa.Column("failed_builds", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("traits", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("metrics", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("compute_nodes") as batch_op:
        for name in ("metrics", "traits", "failed_builds", "host_ip"):
            batch_op.drop_column(name)
