"""Tags of servers, why one is locked, and who may use a private flavor.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    with op.batch_alter_table("instances") as batch_op:
        batch_op.add_column(sa.Column("locked_reason", sa.String(255), nullable=True))
    op.create_table(
        "instance_tags",
        sa.Column("instance_uuid", sa.String(36), nullable=False),
        sa.Column("tag", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("instance_uuid", "tag"),
    )
    op.create_index("ix_instance_tags_tag", "instance_tags", ["tag"])
    op.create_table(
        "flavor_access",
        sa.Column("flavor_id", sa.String(255), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("flavor_id", "project_id"),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("flavor_access")
    op.drop_table("instance_tags")
    with op.batch_alter_table("instances") as batch_op:
        batch_op.drop_column("locked_reason")
