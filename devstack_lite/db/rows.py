"""Rows of the compute tables as objects, and back."""

from __future__ import annotations

import dataclasses
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.schema import instances
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import BootRequest, ComputeNode, Flavor, Instance, ServiceRecord
from devstack_lite.states import PowerState, TaskState, VmState

_FLAVOR_FIELDS = tuple(
    field.name for field in dataclasses.fields(Flavor) if field.name != "created_at"
)
_INSTANCE_FIELDS = frozenset(field.name for field in dataclasses.fields(Instance))


def flavor_to_json(flavor: Flavor) -> dict[str, Any]:
    """Return the flavor as an instance keeps it: a copy, whatever becomes of the flavor."""
    return {name: getattr(flavor, name) for name in _FLAVOR_FIELDS}


def locked_instance(connection: Connection, uuid: str) -> Any:
    """Return an instance's row, locked until the caller's transaction ends. Raises NotFound."""
    row = connection.execute(_LOCKED, {"b_uuid": uuid}).one_or_none()
    if row is None:
        raise NotFound(f"Instance {uuid} could not be found.", kind="instance")
    return row


_LOCKED = (
    sa.select(instances)
    .where(instances.c.uuid == sa.bindparam("b_uuid"), instances.c.deleted_at.is_(None))
    .with_for_update()
)


def instance_of(row: Any) -> Instance:
    """Return the instance of a row; what else a query put into it is passed over.

    What it left out is as if there was nothing of it.
    """
    values = {name: value for name, value in row._mapping.items() if name in _INSTANCE_FIELDS}
    values["flavor"] = Flavor(**values["flavor"])
    values["vm_state"] = VmState(values["vm_state"])
    task_state = values["task_state"]
    values["task_state"] = TaskState(task_state) if task_state else None
    values["power_state"] = PowerState(values["power_state"])
    values["network_info"] = tuple(values["network_info"])
    return Instance(**values)


def node_of(row: Any) -> ComputeNode:
    """Return the node of a full row."""
    values = dict(row._mapping)
    values["traits"] = tuple(values["traits"] or ())
    for name in ("metrics", "inventories", "resources_used"):
        values[name] = values[name] or {}
    values["pci_stats"] = tuple(values["pci_stats"] or ())
    values["host_ip"] = values["host_ip"] or "127.0.0.1"
    return ComputeNode(**values)


def service_of(row: Any) -> ServiceRecord:
    """Return the service of a full row."""
    return ServiceRecord(**row._mapping)


def boot_to_json(boot: BootRequest) -> dict[str, Any]:
    """Return what a later attempt, or the compute host, must know of the request."""
    return {
        "image_properties": dict(boot.image_properties),
        "networks": [dataclasses.asdict(request) for request in boot.networks],
        "volumes": list(boot.volumes),
        "scheduler_hints": dict(boot.scheduler_hints),
        "key_data": boot.key_data,
        "injected_files": list(boot.injected_files),
        "forced_host": boot.forced_host,
        "forced_node": boot.forced_node,
        "requested_host": boot.requested_host,
        "requested_node": boot.requested_node,
    }
