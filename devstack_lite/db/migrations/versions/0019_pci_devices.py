"""PCI devices of nodes, and what claims take of them.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; each host fills them in when it reports."""
    op.create_table(
        "pci_devices",
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=16), nullable=False),
        sa.Column("vendor_id", sa.String(length=4), nullable=False),
        sa.Column("product_id", sa.String(length=4), nullable=False),
        sa.Column("dev_type", sa.String(length=8), nullable=False),
        sa.Column("numa_node", sa.Integer(), nullable=True),
        sa.Column("parent_addr", sa.String(length=16), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("instance_uuid", sa.String(length=36), nullable=True),
        sa.Column("is_removed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("node", "address", name=op.f("pk_pci_devices")),
    )
    with op.batch_alter_table("pci_devices") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pci_devices_instance_uuid"), ["instance_uuid"], unique=False
        )
    with op.batch_alter_table("compute_nodes") as batch_op:
        batch_op.add_column(sa.Column("pci_stats", sa.JSON(), nullable=True))
    with op.batch_alter_table("claims") as batch_op:
        batch_op.add_column(sa.Column("pci_requests", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("claims") as batch_op:
        batch_op.drop_column("pci_requests")
    with op.batch_alter_table("compute_nodes") as batch_op:
        batch_op.drop_column("pci_stats")
    op.drop_table("pci_devices")
