"""PCI devices of nodes: what hosts report, and which instance has which.

A device is an instance's by a claim on its node, and goes with that claim: whoever calls `assign`
and `free` changes claims in the same transaction, and holds the nodes' counter. `pci_stats` of a
node is what is free of its devices, in pools: each function here changes both or neither. A device
that is no longer reported stays its instance's, and is forgotten when that lets go of it.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import compute_nodes, pci_devices
from devstack_lite.objects.compute import ComputeNode
from devstack_lite.objects.pci import PciDevice, PciRequest
from devstack_lite.pci import pools

own = pci_devices.c
_FIELDS = tuple(field.name for field in dataclasses.fields(PciDevice))


def devices_of_instance(db: Database, uuid: str, node: str) -> list[PciDevice]:
    """Return the devices that an instance has on a node, by address. One read."""
    query = sa.select(pci_devices).where(own.node == node, own.instance_uuid == uuid)
    with db.read() as connection:
        return [_device_of(row) for row in connection.execute(query.order_by(own.address))]


# ------------------------------------------------------------------------------------ claiming


def find(
    connection: Connection, node: str, requests: Iterable[PciRequest]
) -> list[PciDevice] | None:
    """Return free devices of a node that serve all requests; None when they cannot be served."""
    if not requests:
        return []
    rows = _locked(connection, [node])[node]
    taken = {row.address for row in rows if row.instance_uuid is not None}
    return pools.choose_devices([_device_of(row) for row in rows], taken, requests)


def assign(
    connection: Connection, node: str, instance_uuid: str, devices: Collection[PciDevice]
) -> None:
    """Give an instance devices that `find` found in this transaction."""
    if not devices:
        return
    connection.execute(
        pci_devices.update()
        .where(own.node == node, own.address.in_([one.address for one in devices]))
        .values(instance_uuid=instance_uuid)
    )
    _write_stats(connection, [node])


def free(connection: Connection, held: Collection[tuple[str, str]]) -> None:
    """Take their devices from instances, each on a node: pairs of node and instance."""
    by_node: dict[str, list[str]] = defaultdict(list)
    for node, uuid in held:
        by_node[node].append(uuid)
    for node, uuids in by_node.items():
        theirs = sa.and_(own.node == node, own.instance_uuid.in_(uuids))
        connection.execute(pci_devices.delete().where(theirs, own.is_removed.is_(True)))
        connection.execute(pci_devices.update().where(theirs).values(instance_uuid=None))
    _write_stats(connection, by_node)


# ----------------------------------------------------------------------------------- reporting


def find_changed(
    connection: Connection, nodes: Sequence[ComputeNode], there: Mapping[str, Any]
) -> list[ComputeNode]:
    """Return the nodes that report other devices than are recorded.

    there: the nodes' rows by name. Reads nothing where no node has, or had, a device.
    """
    concerned = [
        node
        for node in nodes
        if node.pci_devices
        or (
            node.hypervisor_hostname in there
            and there[node.hypervisor_hostname].pci_stats is not None
        )
    ]
    if not concerned:
        return []
    known = _rows(connection, [node.hypervisor_hostname for node in concerned])
    return [node for node in concerned if _differs(node, known[node.hypervisor_hostname])]


def _differs(node: ComputeNode, rows: Sequence[Any]) -> bool:
    if any(_is_changed(node, row) for row in rows):
        return True
    return {one.address for one in node.pci_devices} - {row.address for row in rows} != set()


def _is_changed(node: ComputeNode, row: Any) -> bool:
    """Say whether a row is to be written anew; what an instance has may only come and go."""
    reported = {one.address: one for one in node.pci_devices}.get(row.address)
    if row.instance_uuid is not None or reported is None:
        return bool(row.is_removed) is (reported is not None)
    return bool(row.is_removed) or _device_of(row) != reported


def record(connection: Connection, nodes: Sequence[ComputeNode], version: int) -> None:
    """Record the devices of nodes that `find_changed` found; the caller holds their counter."""
    if not nodes:
        return
    known = _locked(connection, [node.hypervisor_hostname for node in nodes])
    for node in nodes:
        _record_node(connection, node, known[node.hypervisor_hostname])
    names = [node.hypervisor_hostname for node in nodes]
    _write_stats(connection, names)
    connection.execute(
        compute_nodes.update()
        .where(compute_nodes.c.hypervisor_hostname.in_(names))
        .values(version=version)
    )


def _record_node(connection: Connection, node: ComputeNode, rows: Sequence[Any]) -> None:
    name = node.hypervisor_hostname
    reported = {one.address: one for one in node.pci_devices}
    for row in rows:
        if not _is_changed(node, row):
            continue
        this = sa.and_(own.node == name, own.address == row.address)
        found = reported.get(row.address)
        if row.instance_uuid is not None:
            connection.execute(pci_devices.update().where(this).values(is_removed=found is None))
        elif found is None:
            connection.execute(pci_devices.delete().where(this))
        else:
            connection.execute(
                pci_devices.update().where(this).values(**_values_of(found), is_removed=False)
            )
    new = reported.keys() - {row.address for row in rows}
    if new:
        connection.execute(
            pci_devices.insert(),
            [
                {"node": name, **_values_of(reported[address]), "is_removed": False}
                for address in sorted(new)
            ],
        )


def forget_host(connection: Connection, host: str) -> None:
    """Forget the devices of a host's nodes, in the transaction that forgets the nodes."""
    names = sa.select(compute_nodes.c.hypervisor_hostname).where(compute_nodes.c.host == host)
    connection.execute(pci_devices.delete().where(own.node.in_(names)))


# ---------------------------------------------------------------------------------------- rows


def _rows(
    connection: Connection, nodes: Collection[str], *, is_locked: bool = False
) -> dict[str, list[Any]]:
    query = sa.select(pci_devices).where(own.node.in_(nodes)).order_by(own.node, own.address)
    found: dict[str, list[Any]] = {node: [] for node in nodes}
    for row in connection.execute(query.with_for_update() if is_locked else query):
        found[row.node].append(row)
    return found


def _locked(connection: Connection, nodes: Collection[str]) -> dict[str, list[Any]]:
    """Return the devices of nodes as they are now, whatever the transaction has seen before."""
    return _rows(connection, nodes, is_locked=True)


def _write_stats(connection: Connection, nodes: Collection[str]) -> None:
    """Write down what is free on nodes; the caller changes their version."""
    for node, rows in _locked(connection, nodes).items() if nodes else ():
        taken = {row.address for row in rows if row.instance_uuid is not None}
        free_ones = pools.free_devices([_device_of(row) for row in rows], taken)
        connection.execute(
            compute_nodes.update()
            .where(compute_nodes.c.hypervisor_hostname == node)
            .values(pci_stats=[pool.to_json() for pool, _ in pools.pools_of(free_ones)])
        )


def _device_of(row: Any) -> PciDevice:
    return PciDevice(**{name: row._mapping[name] for name in _FIELDS})


def _values_of(device: PciDevice) -> dict[str, Any]:
    return {name: getattr(device, name) for name in _FIELDS}
