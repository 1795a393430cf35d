"""Indexes for lists of servers: by their state, and by when they changed.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_instances_project_changes": ["project_id", "updated_at"],
    "ix_instances_changes": ["updated_at"],
    "ix_instances_state": ["vm_state", "deleted_at", "created_at", "uuid"],
}


def upgrade() -> None:
    """Add them."""
    for name, columns in INDEXES.items():
        op.create_index(name, "instances", columns)


def downgrade() -> None:
    """Take them away."""
    for name in INDEXES:
        op.drop_index(name, table_name="instances")
