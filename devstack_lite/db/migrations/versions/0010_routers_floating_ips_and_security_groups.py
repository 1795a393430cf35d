"""Routers, floating IPs, security groups, network quotas and tags.

Revision ID: 0010
Revises: 0009
"""

import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

from devstack_lite.clock import utcnow
from devstack_lite.db.schema import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_GROUP_IDS = uuid.UUID("c2f5d6f0-7b0f-4a40-9a64-c80c1c2f4f10")


def upgrade() -> None:
    """Make the tables; ports that are there get the groups that they showed."""
    op.create_table(
        "network_quotas",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "resource", name=op.f("pk_network_quotas")),
    )
    op.create_table(
        "network_tags",
        sa.Column("resource_id", sa.String(length=64), nullable=False),
        sa.Column("tag", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "tag", name=op.f("pk_network_tags")),
    )
    op.create_table(
        "security_groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("stateful", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_groups")),
    )
    op.create_index(op.f("ix_security_groups_project_id"), "security_groups", ["project_id"])
    op.create_table(
        "floating_ips",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("network_id", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("floating_port_id", sa.String(length=64), nullable=False),
        sa.Column("port_id", sa.String(length=64), nullable=True),
        sa.Column("fixed_address", sa.String(length=64), nullable=True),
        sa.Column("router_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name=op.f("fk_floating_ips_network_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_floating_ips")),
        sa.UniqueConstraint(
            "port_id", "fixed_address", name=op.f("uq_floating_ips_port_id_fixed_address")
        ),
    )
    op.create_index(op.f("ix_floating_ips_project_id"), "floating_ips", ["project_id"])
    op.create_index(op.f("ix_floating_ips_router_id"), "floating_ips", ["router_id"])
    op.create_table(
        "port_security_groups",
        sa.Column("port_id", sa.String(length=64), nullable=False),
        sa.Column("security_group_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["security_group_id"],
            ["security_groups.id"],
            name=op.f("fk_port_security_groups_security_group_id"),
        ),
        sa.PrimaryKeyConstraint(
            "port_id", "security_group_id", name=op.f("pk_port_security_groups")
        ),
    )
    op.create_index(
        op.f("ix_port_security_groups_security_group_id"),
        "port_security_groups",
        ["security_group_id"],
    )
    op.create_table(
        "routers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("enable_snat", sa.Boolean(), nullable=False),
        sa.Column("external_network_id", sa.String(length=64), nullable=True),
        sa.Column("gateway_port_id", sa.String(length=64), nullable=True),
        sa.Column("routes", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["external_network_id"], ["networks.id"], name=op.f("fk_routers_external_network_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routers")),
    )
    op.create_index(op.f("ix_routers_project_id"), "routers", ["project_id"])
    op.create_table(
        "security_group_rules",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("security_group_id", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("ethertype", sa.String(length=8), nullable=False),
        sa.Column("protocol", sa.String(length=32), nullable=True),
        sa.Column("port_range_min", sa.Integer(), nullable=True),
        sa.Column("port_range_max", sa.Integer(), nullable=True),
        sa.Column("remote_ip_prefix", sa.String(length=64), nullable=True),
        sa.Column("remote_group_id", sa.String(length=64), nullable=True),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["remote_group_id"],
            ["security_groups.id"],
            name=op.f("fk_security_group_rules_remote_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["security_group_id"],
            ["security_groups.id"],
            name=op.f("fk_security_group_rules_security_group_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_group_rules")),
    )
    op.create_index(
        op.f("ix_security_group_rules_project_id"), "security_group_rules", ["project_id"]
    )
    op.create_index(
        op.f("ix_security_group_rules_security_group_id"),
        "security_group_rules",
        ["security_group_id"],
    )

    _record_groups()


def _columns(names: tuple[str, ...]) -> list[Any]:
    """Return columns to insert into: those named, and the two times."""
    times = [sa.column(name, UtcDateTime) for name in ("created_at", "updated_at")]
    return [*(sa.column(name) for name in names), *times]


def _record_groups() -> None:
    """Record the default group of each project that has ports, and which ports are in it.

    Until now it was made up of the project's id, and no other could be.
    """
    connection = op.get_bind()
    ports = sa.table("ports", sa.column("id"), sa.column("project_id"), sa.column("extra", sa.JSON))
    secured = []
    for port in connection.execute(sa.select(ports)):
        groups = port.extra.get("security_groups")
        if groups or (groups is None and port.extra.get("port_security_enabled", True)):
            secured.append(port)
    projects = sorted({port.project_id for port in secured})
    if not projects:
        return
    ids = {one: str(uuid.uuid5(_GROUP_IDS, one)) for one in projects}
    now = {"created_at": utcnow(), "updated_at": utcnow()}
    names = ("id", "project_id", "name", "description", "stateful")
    groups_table = sa.table("security_groups", *_columns(names))
    op.bulk_insert(
        groups_table,
        [
            {"id": ids[one], "project_id": one, "name": "default", "stateful": True,
             "description": "Default security group", **now}
            for one in projects
        ],
    )  # fmt: skip
    rule_names = ("id", "project_id", "security_group_id", "direction", "ethertype",
                  "remote_group_id", "description")  # fmt: skip
    op.bulk_insert(
        sa.table("security_group_rules", *_columns(rule_names)),
        [
            {"id": str(uuid.uuid5(_GROUP_IDS, f"{ids[one]}/{direction}/{ethertype}")),
             "project_id": one, "security_group_id": ids[one], "direction": direction,
             "ethertype": ethertype, "description": "",
             "remote_group_id": ids[one] if direction == "ingress" else None, **now}
            for one in projects
            for direction in ("egress", "ingress")
            for ethertype in ("IPv4", "IPv6")
        ],
    )  # fmt: skip
    op.bulk_insert(
        sa.table("port_security_groups", sa.column("port_id"), sa.column("security_group_id")),
        [{"port_id": port.id, "security_group_id": ids[port.project_id]} for port in secured],
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("security_group_rules")
    op.drop_table("routers")
    op.drop_table("port_security_groups")
    op.drop_table("floating_ips")
    op.drop_table("security_groups")
    op.drop_table("network_tags")
    op.drop_table("network_quotas")
