"""The tables. Their history is in migrations/; a test holds the two against each other."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """Aware UTC on the Python side, naive UTC with microseconds in every database."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        """MariaDB keeps microseconds only when asked to."""
        if dialect.name in {"mysql", "mariadb"}:
            from sqlalchemy.dialects.mysql import DATETIME

            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        """Drop the zone after moving to UTC."""
        return None if value is None else value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """Say that it is UTC."""
        return None if value is None else value.replace(tzinfo=datetime.UTC)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(64), primary_key=True)


def _when(name: str, *, is_nullable: bool = True) -> sa.Column[datetime.datetime]:
    return sa.Column(name, UtcDateTime, nullable=is_nullable)


def _flag(name: str, *, default: bool = False) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, default=default)


# ---------------------------------------------------------------------------------- identity

domains = sa.Table(
    "domains", metadata, _id(),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("description", sa.Text),
    sa.Column("extra", sa.JSON),
    _flag("enabled", default=True),
)  # fmt: skip

projects = sa.Table(
    "projects", metadata, _id(),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("domain_id", sa.String(64), sa.ForeignKey("domains.id"), nullable=False),
    sa.Column("parent_id", sa.String(64), index=True),
    sa.Column("description", sa.Text),
    sa.Column("tags", sa.JSON),
    sa.Column("extra", sa.JSON),
    _flag("enabled", default=True),
    sa.UniqueConstraint("domain_id", "name"),
)  # fmt: skip

users = sa.Table(
    "users", metadata, _id(),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("domain_id", sa.String(64), sa.ForeignKey("domains.id"), nullable=False),
    sa.Column("password_hash", sa.String(255)),
    sa.Column("default_project_id", sa.String(64)),
    sa.Column("email", sa.String(255)),
    sa.Column("description", sa.Text),
    sa.Column("extra", sa.JSON),
    _flag("enabled", default=True),
    sa.UniqueConstraint("domain_id", "name"),
)  # fmt: skip

roles = sa.Table(
    "roles", metadata, _id(),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("description", sa.Text),
    sa.Column("extra", sa.JSON),
)  # fmt: skip

role_assignments = sa.Table(
    "role_assignments", metadata,
    sa.Column("user_id", sa.String(64), primary_key=True),
    sa.Column("target_id", sa.String(64), primary_key=True),
    sa.Column("role_id", sa.String(64), primary_key=True),
    sa.Column("target_type", sa.String(16), nullable=False),
)  # fmt: skip

revoked_tokens = sa.Table(
    "revoked_tokens", metadata,
    sa.Column("audit_id", sa.String(64), primary_key=True),
    _when("expires_at", is_nullable=False),
)  # fmt: skip

# ----------------------------------------------------------------------------------- compute

flavors = sa.Table(
    "flavors", metadata, _id(),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("memory_mb", sa.Integer, nullable=False),
    sa.Column("root_gb", sa.Integer, nullable=False),
    sa.Column("ephemeral_gb", sa.Integer, nullable=False),
    sa.Column("swap_mb", sa.Integer, nullable=False),
    sa.Column("rxtx_factor", sa.Float, nullable=False),
    _flag("is_public", default=True),
    _flag("is_disabled"),
    sa.Column("description", sa.Text),
    sa.Column("extra_specs", sa.JSON, nullable=False),
    _when("created_at", is_nullable=False),
)  # fmt: skip

flavor_access = sa.Table(
    "flavor_access", metadata,
    sa.Column("flavor_id", sa.String(255), primary_key=True),
    sa.Column("project_id", sa.String(64), primary_key=True),
)  # fmt: skip
instance_tags = sa.Table(
    "instance_tags", metadata,
    sa.Column("instance_uuid", sa.String(36), primary_key=True),
    sa.Column("tag", sa.String(60), primary_key=True, index=True),
)  # fmt: skip
keypairs = sa.Table(
    "keypairs", metadata,
    sa.Column("user_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("public_key", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.String(255), nullable=False),
    sa.Column("type", sa.String(16), nullable=False),
    _when("created_at", is_nullable=False),
)  # fmt: skip

services = sa.Table(
    "services", metadata, _id(),
    sa.Column("binary", sa.String(64), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("topic", sa.String(64), nullable=False),
    sa.Column("availability_zone", sa.String(255), nullable=False),
    _flag("is_disabled"),
    sa.Column("disabled_reason", sa.String(255)),
    _flag("is_forced_down"),
    _when("created_at", is_nullable=False),
    _when("last_seen_at"),
    _when("updated_at"),
    sa.UniqueConstraint("binary", "host"),
)  # fmt: skip

compute_nodes = sa.Table(
    "compute_nodes", metadata, _id(),
    sa.Column("host", sa.String(255), nullable=False, index=True),
    sa.Column("hypervisor_hostname", sa.String(255), nullable=False, unique=True),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("memory_mb", sa.Integer, nullable=False),
    sa.Column("disk_gb", sa.Integer, nullable=False),
    sa.Column("reserved_memory_mb", sa.Integer, nullable=False),
    sa.Column("cpu_allocation_ratio", sa.Float, nullable=False),
    sa.Column("ram_allocation_ratio", sa.Float, nullable=False),
    sa.Column("disk_allocation_ratio", sa.Float, nullable=False),
    sa.Column("vcpus_used", sa.Integer, nullable=False, default=0),
    sa.Column("memory_mb_used", sa.Integer, nullable=False, default=0),
    sa.Column("disk_gb_used", sa.Integer, nullable=False, default=0),
    sa.Column("instances", sa.Integer, nullable=False, default=0),
    sa.Column("io_ops", sa.Integer, nullable=False, default=0),
    sa.Column("failed_builds", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("host_ip", sa.String(64)),
    sa.Column("traits", sa.JSON),
    sa.Column("metrics", sa.JSON),
    sa.Column("reserved_vcpus", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("reserved_disk_gb", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("pci_stats", sa.JSON),
    sa.Column("inventories", sa.JSON),
    sa.Column("resources_used", sa.JSON),
    sa.Column("hypervisor_type", sa.String(64), nullable=False),
    sa.Column("hypervisor_version", sa.Integer, nullable=False),
    sa.Column("architecture", sa.String(32), nullable=False),
    sa.Column("availability_zone", sa.String(255), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, default=0, index=True),
    sa.Column("numa_topology", sa.Text),
    sa.Column("numa_used", sa.Text),
)  # fmt: skip

claims = sa.Table(
    "claims", metadata,
    sa.Column("instance_uuid", sa.String(36), primary_key=True),
    sa.Column("node", sa.String(255), primary_key=True, index=True),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("memory_mb", sa.Integer, nullable=False),
    sa.Column("disk_gb", sa.Integer, nullable=False),
    sa.Column("resources", sa.JSON),
    sa.Column("attempt", sa.Integer, nullable=False),
    _flag("is_building", default=True),
    sa.Column("numa_topology", sa.Text),
    sa.Column("pci_requests", sa.JSON),
)  # fmt: skip

pci_devices = sa.Table(
    "pci_devices", metadata,
    sa.Column("node", sa.String(255), primary_key=True),
    sa.Column("address", sa.String(16), primary_key=True),
    sa.Column("vendor_id", sa.String(4), nullable=False),
    sa.Column("product_id", sa.String(4), nullable=False),
    sa.Column("dev_type", sa.String(8), nullable=False),
    sa.Column("numa_node", sa.Integer),
    sa.Column("parent_addr", sa.String(16)),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("instance_uuid", sa.String(36), index=True),
    _flag("is_removed"),
)  # fmt: skip

instances = sa.Table(
    "instances", metadata,
    sa.Column("uuid", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("project_id", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("flavor", sa.JSON, nullable=False),
    sa.Column("image_ref", sa.String(64), nullable=False),
    sa.Column("vm_state", sa.String(32), nullable=False),
    sa.Column("task_state", sa.String(64)),
    sa.Column("power_state", sa.Integer, nullable=False),
    sa.Column("host", sa.String(255)),
    sa.Column("node", sa.String(255)),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(255)),
    sa.Column("operation", sa.JSON),
    _when("progress_at"),
    sa.Column("availability_zone", sa.String(255)),
    sa.Column("requested_zone", sa.String(255)),
    sa.Column("hostname", sa.String(255), nullable=False),
    sa.Column("launch_index", sa.Integer, nullable=False),
    sa.Column("reservation_id", sa.String(64), nullable=False),
    sa.Column("key_name", sa.String(255)),
    sa.Column("description", sa.Text),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("user_data", sa.Text),
    _flag("config_drive"),
    sa.Column("auto_disk_config", sa.Boolean),
    sa.Column("access_ip_v4", sa.String(64)),
    sa.Column("access_ip_v6", sa.String(64)),
    sa.Column("network_info", sa.JSON, nullable=False),
    sa.Column("boot_request", sa.JSON, nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    _flag("is_locked"),
    sa.Column("locked_by", sa.String(16)),
    sa.Column("locked_reason", sa.String(255)),
    sa.Column("system_metadata", sa.JSON),
    sa.Column("progress", sa.Integer, nullable=False),
    _when("created_at", is_nullable=False),
    _when("updated_at"),
    _when("launched_at"),
    _when("terminated_at"),
    _when("deleted_at"),
    sa.Index("ix_instances_project_list", "project_id", "deleted_at", "created_at", "uuid"),
    sa.Index("ix_instances_list", "deleted_at", "created_at", "uuid"),
    sa.Index("ix_instances_project_changes", "project_id", "updated_at"),
    sa.Index("ix_instances_changes", "updated_at"),
    sa.Index("ix_instances_state", "vm_state", "deleted_at", "created_at", "uuid"),
    sa.Index("ix_instances_host", "host", "deleted_at"),
    sa.Index("ix_instances_under_way", "task_state", "progress_at"),
)  # fmt: skip

instance_faults = sa.Table(
    "instance_faults", metadata,
    sa.Column("instance_uuid", sa.String(36), primary_key=True),
    sa.Column("code", sa.Integer, nullable=False),
    sa.Column("message", sa.String(255), nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    _when("created_at", is_nullable=False),
)  # fmt: skip

instance_actions = sa.Table(
    "instance_actions", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("project_id", sa.String(64), nullable=False),
    _when("started_at", is_nullable=False),
    _when("finished_at"),
    _when("updated_at"),
    sa.Column("message", sa.String(255)),
    sa.UniqueConstraint("instance_uuid", "request_id", "action"),
)  # fmt: skip

action_events = sa.Table(
    "action_events", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("action_id", sa.Integer, nullable=False, index=True),
    sa.Column("event", sa.String(64), nullable=False),
    _when("started_at", is_nullable=False),
    _when("finished_at"),
    sa.Column("result", sa.String(16)),
    sa.Column("host", sa.String(255)),
    sa.Column("details", sa.Text),
)  # fmt: skip

device_changes = sa.Table(
    "device_changes", metadata, _id(),
    sa.Column("instance_uuid", sa.String(36), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("device_id", sa.String(64), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("context", sa.JSON, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("instance_attempt", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(255)),
    _when("progress_at", is_nullable=False),
    _when("created_at", is_nullable=False),
    sa.UniqueConstraint("instance_uuid", "device_id"),
    sa.Index("ix_device_changes_progress_at", "progress_at"),
)  # fmt: skip

boot_steps = sa.Table(
    "boot_steps", metadata,
    sa.Column("instance_uuid", sa.String(36), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("service", sa.String(32), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("worker", sa.Integer, nullable=False),
    sa.Column("start", sa.Float(53), nullable=False),
    sa.Column("duration_s", sa.Float(53), nullable=False),
    sa.Column("outcome", sa.String(64), nullable=False),
    sa.Column("detail", sa.String(255), nullable=False),
)  # fmt: skip

aggregates = sa.Table(
    "aggregates", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("metadata", sa.JSON, nullable=False),
    _when("created_at", is_nullable=False),
    _when("updated_at"),
)  # fmt: skip

aggregate_hosts = sa.Table(
    "aggregate_hosts", metadata,
    sa.Column("aggregate_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("host", sa.String(255), primary_key=True, index=True),
)  # fmt: skip

server_groups = sa.Table(
    "server_groups", metadata, _id(),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("project_id", sa.String(64), nullable=False, index=True),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("policy", sa.String(32), nullable=False),
    sa.Column("max_server_per_host", sa.Integer, nullable=False),
    _when("created_at", is_nullable=False),
)  # fmt: skip

server_group_members = sa.Table(
    "server_group_members", metadata,
    sa.Column("instance_uuid", sa.String(36), primary_key=True),
    sa.Column("group_id", sa.String(64), nullable=False, index=True),
)  # fmt: skip

decisions = sa.Table(
    "decisions", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("request_id", sa.String(64), nullable=False, index=True),
    sa.Column("content", sa.JSON, nullable=False),
    _when("created_at", is_nullable=False),
)  # fmt: skip

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("holder", sa.String(64), nullable=False),
    _when("expires_at", is_nullable=False),
)

quota_usages = sa.Table(
    "quota_usages", metadata,
    sa.Column("project_id", sa.String(64), primary_key=True),
    sa.Column("instances", sa.Integer, nullable=False),
    sa.Column("cores", sa.Integer, nullable=False),
    sa.Column("ram", sa.Integer, nullable=False),
)  # fmt: skip

quota_limits = sa.Table(
    "quota_limits", metadata,
    sa.Column("scope", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("resource", sa.String(64), primary_key=True),
    sa.Column("hard_limit", sa.Integer, nullable=False),
)  # fmt: skip

counters = sa.Table(
    "counters", metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)  # fmt: skip

# ------------------------------------------------------------------------------------- image

images = sa.Table(
    "images", metadata, _id(),
    sa.Column("name", sa.String(255)),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("visibility", sa.String(16), nullable=False),
    sa.Column("owner", sa.String(64)),
    sa.Column("disk_format", sa.String(32)),
    sa.Column("container_format", sa.String(32)),
    sa.Column("min_disk", sa.Integer, nullable=False, default=0),
    sa.Column("min_ram", sa.Integer, nullable=False, default=0),
    sa.Column("size", sa.BigInteger),
    sa.Column("checksum", sa.String(64)),
    sa.Column("os_hash_algo", sa.String(64)),
    sa.Column("os_hash_value", sa.String(128)),
    _flag("protected"),
    _flag("os_hidden"),
    sa.Column("properties", sa.JSON, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    _when("created_at", is_nullable=False),
    _when("updated_at", is_nullable=False),
)  # fmt: skip

image_members = sa.Table(
    "image_members", metadata,
    sa.Column("image_id", sa.String(64), primary_key=True),
    sa.Column("member_id", sa.String(64), primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
    _when("created_at", is_nullable=False),
    _when("updated_at", is_nullable=False),
)  # fmt: skip

# ----------------------------------------------------------------------------------- network

networks = sa.Table(
    "networks", metadata, _id(),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("project_id", sa.String(64), nullable=False),
    sa.Column("description", sa.String(255), nullable=False, default=""),
    _flag("admin_state_up", default=True),
    _flag("shared"),
    _flag("external"),
    _flag("port_security_enabled", default=True),
    sa.Column("mtu", sa.Integer, nullable=False, default=1450),
    _when("created_at", is_nullable=False),
    _when("updated_at", is_nullable=False),
)  # fmt: skip

subnets = sa.Table(
    "subnets", metadata, _id(),
    sa.Column("network_id", sa.String(64), sa.ForeignKey("networks.id"), nullable=False),
    sa.Column("project_id", sa.String(64), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("description", sa.String(255), nullable=False, default=""),
    sa.Column("cidr", sa.String(64), nullable=False),
    sa.Column("ip_version", sa.Integer, nullable=False),
    sa.Column("gateway_ip", sa.String(64)),
    sa.Column("allocation_pools", sa.JSON, nullable=False),
    sa.Column("dns_nameservers", sa.JSON, nullable=False),
    sa.Column("host_routes", sa.JSON, nullable=False),
    sa.Column("subnetpool_id", sa.String(64), index=True),
    _flag("enable_dhcp", default=True),
    sa.Column("next_offset", sa.BigInteger, nullable=False, default=0),
    _when("created_at", is_nullable=False),
    _when("updated_at", is_nullable=False),
)  # fmt: skip

ports = sa.Table(
    "ports", metadata, _id(),
    sa.Column("network_id", sa.String(64), sa.ForeignKey("networks.id"), nullable=False),
    sa.Column("project_id", sa.String(64), nullable=False, index=True),
    sa.Column("name", sa.String(255), nullable=False, default=""),
    sa.Column("description", sa.String(255), nullable=False, default=""),
    sa.Column("mac_address", sa.String(32), nullable=False),
    _flag("admin_state_up", default=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("device_id", sa.String(255), nullable=False, default="", index=True),
    sa.Column("device_owner", sa.String(255), nullable=False, default=""),
    sa.Column("host_id", sa.String(255), nullable=False, default=""),
    sa.Column("extra", sa.JSON, nullable=False),
    _when("created_at", is_nullable=False),
    _when("updated_at", is_nullable=False),
    sa.UniqueConstraint("network_id", "mac_address"),
)  # fmt: skip

ip_allocations = sa.Table(
    "ip_allocations", metadata,
    sa.Column("subnet_id", sa.String(64), primary_key=True),
    sa.Column("ip_address", sa.String(64), primary_key=True),
    sa.Column("port_id", sa.String(64), nullable=False, index=True),
)  # fmt: skip

# ------------------------------------------------------------------------------------ volume

volumes = sa.Table(
    "volumes", metadata, _id(),
    sa.Column("name", sa.String(255)),
    sa.Column("description", sa.String(255)),
    sa.Column("project_id", sa.String(64), nullable=False, index=True),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("size_gb", sa.Integer, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("volume_type", sa.String(255), nullable=False),
    sa.Column("availability_zone", sa.String(255), nullable=False),
    sa.Column("image_id", sa.String(64)),
    sa.Column("snapshot_id", sa.String(64)),
    sa.Column("source_volid", sa.String(64)),
    _flag("bootable"),
    _flag("multiattach"),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("image_metadata", sa.JSON, nullable=False),
    _when("created_at", is_nullable=False),
    _when("updated_at", is_nullable=False),
)  # fmt: skip

volume_attachments = sa.Table(
    "volume_attachments", metadata, _id(),
    sa.Column("volume_id", sa.String(64), sa.ForeignKey("volumes.id"), nullable=False),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("mountpoint", sa.String(255)),
    sa.Column("connector", sa.JSON, nullable=False),
    sa.Column("attached_host", sa.String(255)),
    sa.Column("attach_mode", sa.String(8), nullable=False, default="rw"),
    sa.Column("boot_index", sa.Integer),
    sa.Column(
        "delete_on_termination", sa.Boolean, nullable=False, default=False,
        server_default=sa.false(),
    ),
    _when("attached_at"),
    sa.UniqueConstraint("volume_id", "instance_uuid"),
)  # fmt: skip

# --------------------------------------------------------------------------------- migrations

migrations = sa.Table(
    "migrations", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    sa.Column("migration_type", sa.String(16), nullable=False),
    sa.Column("status", sa.String(32), nullable=False, index=True),
    sa.Column("source_compute", sa.String(255), nullable=False),
    sa.Column("source_node", sa.String(255), nullable=False),
    sa.Column("dest_compute", sa.String(255)),
    sa.Column("dest_node", sa.String(255)),
    sa.Column("old_flavor", sa.JSON, nullable=False),
    sa.Column("new_flavor", sa.JSON, nullable=False),
    sa.Column("old_vm_state", sa.String(32), nullable=False),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("project_id", sa.String(64), nullable=False),
    sa.Column("progress", sa.JSON),
    _when("created_at", is_nullable=False),
    _when("updated_at"),
)  # fmt: skip
# What is on the same metadata in modules of its own.
from devstack_lite.db import (  # noqa: E402, F401
    schema_compute,
    schema_identity,
    schema_network,
    schema_volumes,
)
