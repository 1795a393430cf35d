"""Identity's tables beyond accounts and roles: groups, rules, delegations and the catalog.

On the metadata of schema.py, which imports this at its end: whoever has that has all tables.
"""

from __future__ import annotations

import sqlalchemy as sa

from devstack_lite.db.schema import UtcDateTime, metadata


def _id(length: int = 64) -> sa.Column[str]:
    return sa.Column("id", sa.String(length), primary_key=True)


user_groups = sa.Table(
    "user_groups", metadata, _id(),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("domain_id", sa.String(64), sa.ForeignKey("domains.id"), nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("extra", sa.JSON),
    sa.UniqueConstraint("domain_id", "name"),
)  # fmt: skip
"""`groups` is a reserved word of MySQL. What a group has is in role_assignments, under its id."""

group_members = sa.Table(
    "group_members", metadata,
    sa.Column("user_id", sa.String(64), primary_key=True),
    sa.Column("group_id", sa.String(64), primary_key=True, index=True),
)  # fmt: skip

implied_roles = sa.Table(
    "implied_roles", metadata,
    sa.Column("prior_id", sa.String(64), primary_key=True),
    sa.Column("implied_id", sa.String(64), primary_key=True),
)  # fmt: skip

application_credentials = sa.Table(
    "application_credentials", metadata, _id(),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("project_id", sa.String(64), nullable=False, index=True),
    sa.Column("secret_hash", sa.String(255), nullable=False),
    sa.Column("role_ids", sa.JSON, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("unrestricted", sa.Boolean, nullable=False),
    sa.UniqueConstraint("user_id", "name"),
)  # fmt: skip

trusts = sa.Table(
    "trusts", metadata, _id(),
    sa.Column("trustor_user_id", sa.String(64), nullable=False, index=True),
    sa.Column("trustee_user_id", sa.String(64), nullable=False, index=True),
    sa.Column("project_id", sa.String(64)),
    sa.Column("role_ids", sa.JSON, nullable=False),
    sa.Column("impersonation", sa.Boolean, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("remaining_uses", sa.Integer),
)  # fmt: skip

credentials = sa.Table(
    "credentials", metadata, _id(),
    sa.Column("type", sa.String(255), nullable=False),
    sa.Column("blob", sa.Text, nullable=False),
    sa.Column("user_id", sa.String(64), nullable=False, index=True),
    sa.Column("project_id", sa.String(64), index=True),
)  # fmt: skip

regions = sa.Table(
    "regions", metadata, _id(255),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("parent_region_id", sa.String(255)),
)  # fmt: skip

catalog_services = sa.Table(
    "catalog_services", metadata, _id(),
    sa.Column("type", sa.String(255), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
)  # fmt: skip

endpoints = sa.Table(
    "endpoints", metadata, _id(),
    sa.Column("service_id", sa.String(64), nullable=False, index=True),
    sa.Column("interface", sa.String(16), nullable=False),
    sa.Column("region_id", sa.String(255)),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
)  # fmt: skip

policies = sa.Table(
    "policies", metadata, _id(),
    sa.Column("type", sa.String(255), nullable=False),
    sa.Column("blob", sa.JSON, nullable=False),
    sa.Column("extra", sa.JSON),
)  # fmt: skip
