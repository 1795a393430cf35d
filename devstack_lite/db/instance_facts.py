"""What a guest may read of its instance beside the instance's own row, and who has an address.

Read by the metadata API and, for a config drive, by the conductor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.device_tags import read_tags
from devstack_lite.db.engine import Database
from devstack_lite.db.networks import subnet_of
from devstack_lite.db.schema import (
    compute_nodes,
    instances,
    ip_allocations,
    networks,
    ports,
    subnets,
    volume_attachments,
)
from devstack_lite.db.server_network import read_network
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.facts import AddressFacts, InstanceFacts, InterfaceFacts, VolumeFacts


def read_facts(db: Database, instance: Instance) -> InstanceFacts:
    """Return what is known now; its network_info says which ports are its own."""
    shown = read_network(db, [instance])
    port_ids = [port["port_id"] for port in instance.network_info]
    zone = compute_nodes.c.availability_zone
    with db.read() as connection:
        addresses = _addresses(connection, port_ids, shown.floating)
        rows = connection.execute(
            sa.select(ports.c.id, ports.c.mac_address, ports.c.network_id, networks.c.mtu)
            .join(networks, networks.c.id == ports.c.network_id)
            .where(ports.c.id.in_(port_ids))
        )
        found = {row.id: row for row in rows}
        own = volume_attachments.c
        volumes = connection.execute(
            sa.select(own.volume_id, own.mountpoint)
            .where(own.instance_uuid == instance.uuid)
            .order_by(own.mountpoint, own.volume_id)
        ).all()
        node = sa.select(zone).where(compute_nodes.c.hypervisor_hostname == instance.node)
        host_zone = connection.execute(node).scalar_one_or_none()
        tags = read_tags(connection, instance.uuid)
    return InstanceFacts(
        availability_zone=instance.availability_zone or host_zone,
        interfaces=tuple(
            InterfaceFacts(
                port_id=port_id,
                mac=found[port_id].mac_address,
                network_id=found[port_id].network_id,
                mtu=found[port_id].mtu,
                addresses=tuple(addresses[port_id]),
                tag=tags.get(port_id),
            )
            for port_id in port_ids
            if port_id in found
        ),
        security_groups=tuple(dict.fromkeys(shown.group_names.get(instance.uuid, ()))),
        volumes=tuple(
            VolumeFacts(
                volume_id=row.volume_id, device=row.mountpoint or "", tag=tags.get(row.volume_id)
            )
            for row in volumes
        ),
    )


def instance_at(db: Database, address: str) -> str:
    """Return the uuid of the instance that has a fixed address by a port of its own project.

    Anybody may make a port that names another's instance as its device. Raises NotFound; Conflict
    when several have the address, each on a network of its own.
    """
    # By subnet and address, which the allocations are keyed by: one look for each subnet.
    query = (
        sa.select(instances.c.uuid)
        .select_from(subnets)
        .join(ip_allocations, ip_allocations.c.subnet_id == subnets.c.id)
        .join(ports, ports.c.id == ip_allocations.c.port_id)
        .join(
            instances,
            sa.and_(
                instances.c.uuid == ports.c.device_id,
                instances.c.project_id == ports.c.project_id,
                instances.c.deleted_at.is_(None),
            ),
        )
        .where(
            ip_allocations.c.ip_address == address,
            ports.c.device_owner.startswith("compute:"),
        )
        .distinct()
    )
    with db.read() as connection:
        found = list(connection.execute(query).scalars())
    if not found:
        raise NotFound(f"No instance has the address {address}.", kind="instance")
    if len(found) > 1:
        raise Conflict(f"More than one instance has the address {address}.", kind="instance")
    return str(found[0])


def _addresses(
    connection: Connection, port_ids: Sequence[str], floating: Any
) -> dict[str, list[AddressFacts]]:
    query = (
        sa.select(ip_allocations, subnets)
        .join(subnets, subnets.c.id == ip_allocations.c.subnet_id)
        .where(ip_allocations.c.port_id.in_(port_ids))
        .order_by(subnets.c.ip_version, ip_allocations.c.ip_address)
    )
    found: dict[str, list[AddressFacts]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.port_id].append(
            AddressFacts(
                address=row.ip_address,
                subnet=subnet_of(row),
                floating=tuple(floating.get((row.port_id, row.ip_address), ())),
            )
        )
    return found
