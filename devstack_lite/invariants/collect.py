"""Takes a snapshot of a cloud: its database in one transaction, then each host's hypervisor.

The two are read one after the other, so a snapshot may straddle a change: `check` looks twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.cloud import Cloud
from devstack_lite.db import schema, schema_network
from devstack_lite.db.engine import Database
from devstack_lite.db.moves import wanted_flavor
from devstack_lite.db.snapshots import find_unfilled
from devstack_lite.exceptions import Unavailable
from devstack_lite.invariants.snapshot import (
    ActionFact,
    AddressFact,
    AttachmentFact,
    ChangeFact,
    ClaimFact,
    DomainFact,
    FloatingIpFact,
    ImageFact,
    InstanceFact,
    NodeFact,
    PciDeviceFact,
    PortFact,
    Snapshot,
    VolumeFact,
)
from devstack_lite.objects.compute import Flavor
from devstack_lite.objects.resources import capacity_of, is_volume_backed, resources_of
from devstack_lite.states import PowerState, TaskState, VmState


def take_snapshot(cloud: Cloud, *, down_after_s: float) -> Snapshot:
    """Return what the cloud has now; what could not be read is said in `unread`.

    down_after_s: seconds without a heartbeat after which a host is down. Raises DevstackError when
    the database cannot be read.
    """
    db = Database(cloud.database_reader_url, pool_size=1)
    try:
        with db.snapshot() as connection:
            facts = read_database(connection, cloud.state_dir / "images", down_after_s)
    except sa.exc.SQLAlchemyError as error:
        raise Unavailable(f"the database cannot be read: {error}") from error
    finally:
        db.engine.dispose()
    domains: list[DomainFact] = []
    read: list[str] = []
    unread: list[str] = []
    for host in cloud.hosts:
        try:
            domains += _read_domains(cloud, host)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a store, the rest counts
            unread.append(f"the hypervisor of {host}: {error}")
        else:
            read.append(host)
    return Snapshot(
        **facts, domains=tuple(domains), hosts_read=frozenset(read), unread=tuple(unread)
    )


def read_database(
    connection: Connection, image_folder: Path, down_after_s: float
) -> dict[str, Any]:
    """Return the fields of a snapshot that the database and the images' folder tell."""
    now = utcnow()

    def rows(table: sa.Table) -> Iterator[Any]:
        return iter(connection.execute(sa.select(table)))

    own = schema.instances.c
    present = connection.execute(sa.select(schema.instances).where(own.deleted_at.is_(None)))
    gone = connection.execute(sa.select(own.uuid).where(own.deleted_at.is_not(None)))
    asked = {
        row.instance_uuid: row.started_at
        for row in connection.execute(
            sa.select(schema.instance_actions)
            .where(schema.instance_actions.c.finished_at.is_(None))
            .order_by(schema.instance_actions.c.id)
        )
    }
    networks = {row.id: row.network_id for row in rows(schema.subnets)}
    abandoned = {one.image_id for one in find_unfilled(connection) if not one.is_awaited}
    return {
        "taken_at": now,
        "instances": tuple(_instance(row, asked.get(row.uuid)) for row in present),
        "deleted": frozenset(gone.scalars()),
        "claims": tuple(
            ClaimFact(
                instance_uuid=row.instance_uuid, host=row.host, node=row.node, vcpus=row.vcpus,
                memory_mb=row.memory_mb, disk_gb=row.disk_gb, resources=row.resources or {},
                is_building=row.is_building, numa_topology=row.numa_topology,
                pci_devices=sum(request["count"] for request in row.pci_requests or ()),
            )
            for row in rows(schema.claims)
        ),
        "pci_devices": tuple(
            PciDeviceFact(node=row.node, address=row.address, instance_uuid=row.instance_uuid)
            for row in rows(schema.pci_devices)
            if row.instance_uuid is not None
        ),
        "nodes": tuple(_node(row) for row in rows(schema.compute_nodes)),
        "hosts_up": frozenset(
            row.host
            for row in rows(schema.services)
            if row.binary == "nova-compute"
            and not row.is_forced_down
            and row.last_seen_at is not None
            and (now - row.last_seen_at).total_seconds() <= down_after_s
        ),
        "ports": tuple(
            PortFact(
                id=row.id, device_id=row.device_id, device_owner=row.device_owner, host=row.host_id
            )
            for row in rows(schema.ports)
        ),
        "addresses": tuple(
            AddressFact(
                network_id=networks.get(row.subnet_id, ""),
                address=row.ip_address,
                port_id=row.port_id,
            )
            for row in rows(schema.ip_allocations)
        ),
        "changes": tuple(
            ChangeFact(
                instance_uuid=row.instance_uuid, device_id=row.device_id, kind=row.kind,
                owner=row.owner, since=row.created_at,
            )
            for row in rows(schema.device_changes)
        ),
        "floating_ips": tuple(
            FloatingIpFact(
                id=row.id, own_port_id=row.floating_port_id, own_address=row.address,
                port_id=row.port_id, address=row.fixed_address,
            )
            for row in rows(schema_network.floating_ips)
        ),
        "volumes": tuple(VolumeFact(id=row.id, status=row.status) for row in rows(schema.volumes)),
        "attachments": tuple(
            AttachmentFact(
                id=row.id, volume_id=row.volume_id, instance_uuid=row.instance_uuid,
                status=row.status,
            )
            for row in rows(schema.volume_attachments)
        ),
        "images": tuple(
            ImageFact(
                id=row.id, status=row.status, size=row.size,
                stored_size=_size_of(image_folder / row.id), is_abandoned=row.id in abandoned,
            )
            for row in rows(schema.images)
        ),
        "actions": tuple(
            ActionFact(
                instance_uuid=row.instance_uuid, action=row.action, request_id=row.request_id
            )
            for row in rows(schema.instance_actions)
        ),
        "quotas": {
            row.project_id: {"instances": row.instances, "cores": row.cores, "ram": row.ram}
            for row in rows(schema.quota_usages)
        },
    }  # fmt: skip


def _instance(row: Any, asked_at: Any) -> InstanceFact:
    wanted = wanted_flavor(row)
    return InstanceFact(
        uuid=row.uuid,
        project_id=row.project_id,
        vm_state=VmState(row.vm_state),
        task_state=None if row.task_state is None else TaskState(row.task_state),
        power_state=PowerState(row.power_state),
        vcpus=row.flavor["vcpus"],
        memory_mb=row.flavor["memory_mb"],
        host=row.host,
        node=row.node,
        owner=row.owner,
        has_operation=row.operation is not None,
        since=asked_at or row.created_at,
        ports=tuple(
            (port["port_id"], tuple(ip["address"] for ip in port["ips"]))
            for port in row.network_info
        ),
        takes=resources_of(
            Flavor(**row.flavor),
            is_volume_backed=is_volume_backed(row.image_ref, row.boot_request.get("volumes")),
        ),
        wanted=(wanted.vcpus, wanted.memory_mb),
    )


def _node(row: Any) -> NodeFact:
    inventories = row.inventories or {}
    return NodeFact(
        node=row.hypervisor_hostname,
        limits={
            "vcpus": (row.vcpus - row.reserved_vcpus) * row.cpu_allocation_ratio,
            "memory_mb": (row.memory_mb - row.reserved_memory_mb) * row.ram_allocation_ratio,
            "disk_gb": (row.disk_gb - row.reserved_disk_gb) * row.disk_allocation_ratio,
            **{name: capacity_of(own) for name, own in inventories.items()},
        },
        used={
            "vcpus": row.vcpus_used,
            "memory_mb": row.memory_mb_used,
            "disk_gb": row.disk_gb_used,
            "instances": row.instances,
            "io_ops": row.io_ops,
            **dict.fromkeys(inventories, 0),
            **(row.resources_used or {}),
        },
        numa_used=row.numa_used,
    )


def _size_of(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def _read_domains(cloud: Cloud, host: str) -> Iterator[DomainFact]:
    from fake_hypervisor import constants
    from fake_hypervisor.store import read_domains

    running = {constants.VIR_DOMAIN_RUNNING, constants.VIR_DOMAIN_BLOCKED}
    for row in read_domains(cloud.state_dir / "hypervisor" / host):
        yield DomainFact(
            uuid=row.uuid,
            host=host,
            node=row.node,
            power_state=PowerState.RUNNING if row.state in running else PowerState.SHUTDOWN,
        )
