"""What identity delegates: groups, rules, credentials, trusts, and more in the catalog.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from devstack_lite.db.schema import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = (
    "user_groups", "group_members", "implied_roles", "application_credentials", "trusts",
    "credentials", "regions", "catalog_services", "endpoints",
)  # fmt: skip


def _text(name: str, length: int = 64, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _make(
    name: str,
    *columns: sa.Column[Any],
    key: Sequence[str] = ("id",),
    unique: Sequence[str] = (),
    indexed: Sequence[str] = (),
) -> None:
    """Create a table; unique: the columns of a constraint, indexed: those with an index each."""
    extra: list[Any] = [sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}"))]
    if unique:
        extra.append(sa.UniqueConstraint(*unique, name=op.f(f"uq_{name}_{'_'.join(unique)}")))
    if "domain_id" in unique:
        label = op.f(f"fk_{name}_domain_id")
        extra.append(sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=label))
    op.create_table(name, *columns, *extra)
    for column in indexed:
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])


def upgrade() -> None:
    """Add the tables; nobody has anything of them yet."""
    _make(
        "user_groups", _text("id"), _text("name"), _text("domain_id"),
        sa.Column("description", sa.Text(), nullable=True),
        unique=("domain_id", "name"),
    )  # fmt: skip
    _make(
        "group_members", _text("user_id"), _text("group_id"),
        key=("user_id", "group_id"), indexed=("group_id",),
    )  # fmt: skip
    _make(
        "implied_roles", _text("prior_id"), _text("implied_id"), key=("prior_id", "implied_id"),
    )  # fmt: skip
    _make(
        "application_credentials", _text("id"), _text("name", 255), _text("user_id"),
        _text("project_id"), _text("secret_hash", 255),
        sa.Column("role_ids", sa.JSON(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("unrestricted", sa.Boolean(), nullable=False),
        unique=("user_id", "name"), indexed=("project_id",),
    )  # fmt: skip
    _make(
        "trusts", _text("id"), _text("trustor_user_id"), _text("trustee_user_id"),
        _text("project_id", nullable=True),
        sa.Column("role_ids", sa.JSON(), nullable=False),
        sa.Column("impersonation", sa.Boolean(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("remaining_uses", sa.Integer(), nullable=True),
        indexed=("trustor_user_id", "trustee_user_id"),
    )  # fmt: skip
    _make(
        "credentials", _text("id"), _text("type", 255),
        sa.Column("blob", sa.Text(), nullable=False),
        _text("user_id"), _text("project_id", nullable=True),
        indexed=("user_id", "project_id"),
    )  # fmt: skip
    _make(
        "regions", _text("id", 255), sa.Column("description", sa.Text(), nullable=False),
        _text("parent_region_id", 255, nullable=True),
    )  # fmt: skip
    _make(
        "catalog_services", _text("id"), _text("type", 255), _text("name", 255),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
    )  # fmt: skip
    _make(
        "endpoints", _text("id"), _text("service_id"), _text("interface", 16),
        _text("region_id", 255, nullable=True), sa.Column("url", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False), indexed=("service_id",),
    )  # fmt: skip


def downgrade() -> None:
    """Forget them."""
    for name in reversed(TABLES):
        op.drop_table(name)
