"""Claims on two nodes.

An instance that moves holds its old place until the new one is sure.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let an instance have a claim on each of several nodes."""
    with op.batch_alter_table("claims") as batch_op:
        batch_op.drop_constraint("pk_claims", type_="primary")
        batch_op.create_primary_key("pk_claims", ["instance_uuid", "node"])


def downgrade() -> None:
    """Go back to one claim per instance; fails while something moves."""
    with op.batch_alter_table("claims") as batch_op:
        batch_op.drop_constraint("pk_claims", type_="primary")
        batch_op.create_primary_key("pk_claims", ["instance_uuid"])
