"""The tables of routers, floating IPs, security groups, quotas and tags, in schema.metadata."""

from __future__ import annotations

import datetime

import sqlalchemy as sa

from devstack_lite.db.schema import UtcDateTime, metadata


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(64), primary_key=True)


def _project() -> sa.Column[str]:
    return sa.Column("project_id", sa.String(64), nullable=False, index=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(255), nullable=False, default="")


def _times() -> tuple[sa.Column[datetime.datetime], ...]:
    return (
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )


routers = sa.Table(
    "routers", metadata, _id(), _project(), _text("name"), _text("description"),
    sa.Column("admin_state_up", sa.Boolean, nullable=False, default=True),
    sa.Column("enable_snat", sa.Boolean, nullable=False, default=True),
    sa.Column("external_network_id", sa.String(64), sa.ForeignKey("networks.id")),
    sa.Column("gateway_port_id", sa.String(64)),
    sa.Column("routes", sa.JSON, nullable=False),
    *_times(),
)  # fmt: skip

floating_ips = sa.Table(
    "floating_ips", metadata, _id(), _project(), _text("description"),
    sa.Column("network_id", sa.String(64), sa.ForeignKey("networks.id"), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("floating_port_id", sa.String(64), nullable=False),
    sa.Column("port_id", sa.String(64)),
    sa.Column("fixed_address", sa.String(64)),
    sa.Column("router_id", sa.String(64), index=True),
    *_times(),
    # Two of one fixed IP cannot be, whoever comes first; NULLs are no duplicates anywhere.
    sa.UniqueConstraint("port_id", "fixed_address"),
)  # fmt: skip

security_groups = sa.Table(
    "security_groups", metadata, _id(), _project(), _text("name"), _text("description"),
    sa.Column("stateful", sa.Boolean, nullable=False, default=True),
    *_times(),
)  # fmt: skip

security_group_rules = sa.Table(
    "security_group_rules", metadata, _id(), _project(),
    sa.Column("security_group_id", sa.String(64), sa.ForeignKey("security_groups.id"),
              nullable=False, index=True),
    sa.Column("direction", sa.String(16), nullable=False),
    sa.Column("ethertype", sa.String(8), nullable=False),
    sa.Column("protocol", sa.String(32)),
    sa.Column("port_range_min", sa.Integer),
    sa.Column("port_range_max", sa.Integer),
    sa.Column("remote_ip_prefix", sa.String(64)),
    sa.Column("remote_group_id", sa.String(64), sa.ForeignKey("security_groups.id")),
    _text("description"),
    *_times(),
)  # fmt: skip

port_security_groups = sa.Table(
    "port_security_groups", metadata,
    sa.Column("port_id", sa.String(64), primary_key=True),
    sa.Column("security_group_id", sa.String(64), sa.ForeignKey("security_groups.id"),
              primary_key=True, index=True),
)  # fmt: skip

network_quotas = sa.Table(
    "network_quotas", metadata,
    sa.Column("project_id", sa.String(64), primary_key=True),
    sa.Column("resource", sa.String(64), primary_key=True),
    sa.Column("most", sa.Integer, nullable=False),
)  # fmt: skip

network_tags = sa.Table(
    "network_tags", metadata,
    sa.Column("resource_id", sa.String(64), primary_key=True),
    sa.Column("tag", sa.String(255), primary_key=True),
)  # fmt: skip

subnetpools = sa.Table(
    "subnetpools", metadata, _id(), _project(), _text("name"), _text("description"),
    sa.Column("prefixes", sa.JSON, nullable=False),
    sa.Column("ip_version", sa.Integer, nullable=False),
    sa.Column("default_prefixlen", sa.Integer, nullable=False),
    sa.Column("min_prefixlen", sa.Integer, nullable=False),
    sa.Column("max_prefixlen", sa.Integer, nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False, default=False),
    *_times(),
)  # fmt: skip
