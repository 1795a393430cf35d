"""Names and ids made from others: display names of a batch, host names, ids of ports and groups."""

from __future__ import annotations

import re
import uuid

_NOT_IN_HOSTNAME = re.compile(r"[^a-z0-9-]+")
HOSTNAME_LENGTH = 63

_GROUP_IDS = uuid.UUID("c2f5d6f0-7b0f-4a40-9a64-c80c1c2f4f10")
_PORT_IDS = uuid.UUID("a4c1d3a2-63f5-4a0b-8b7d-2f9f6f0f3e61")

_SNAPSHOT_IDS = uuid.UUID("0d3f6c58-9b1e-4b1c-8a53-6e8d3a6f2c19")


def port_id_of(instance_uuid: str, index: int) -> str:
    """Return the id of the port that an instance makes: the same whenever it is asked for."""
    return str(uuid.uuid5(_PORT_IDS, f"{instance_uuid}/{index}"))


_VOLUME_IDS = uuid.UUID("0d2c8e0e-5f3b-4a57-9a7e-3b6f4c9f2d15")


def volume_id_of(instance_uuid: str, index: int) -> str:
    """Return the id of the volume that a boot makes as its block device of that index."""
    return str(uuid.uuid5(_VOLUME_IDS, f"{instance_uuid}/{index}"))


def attachment_id_of(instance_uuid: str, volume_id: str) -> str:
    """Return the id of the attachment that a boot makes of a volume."""
    return str(uuid.uuid5(_VOLUME_IDS, f"{instance_uuid}/{volume_id}"))


def tap_of(port_id: str) -> str:
    """Return the name of a port's device on its host.

    Linux allows a device name 15 characters, and Neutron cuts it to 14.
    """
    return f"tap{port_id}"[:14]


MOST_PORTS = 64
"""Ports of one instance that are looked for by their ids."""


def is_own_port(port_id: str, instance_uuid: str) -> bool:
    """Say whether an instance made a port, and takes it away with itself."""
    return port_id in {port_id_of(instance_uuid, index) for index in range(MOST_PORTS)}


def snapshot_id_of(instance_uuid: str, request_id: str) -> str:
    """Return the id of the image that a request makes of an instance: known before it is made."""
    return str(uuid.uuid5(_SNAPSHOT_IDS, f"{instance_uuid}/{request_id}"))


def default_group_id(project_id: str) -> str:
    """Return the id of a project's default security group."""
    return str(uuid.uuid5(_GROUP_IDS, project_id))


def node_names(host: str, nodes: int) -> list[str]:
    """Return the names of a host's hypervisor nodes; a host with one gives it its own name."""
    if nodes == 1:
        return [host]
    width = len(str(nodes))
    return [f"{host}-node{number:0{width}}" for number in range(1, nodes + 1)]


def name_of(name: str, index: int, count: int) -> str:
    """Return the display name of one instance of a batch: web, or web-1, web-2 … as Nova does."""
    return name if count == 1 else f"{name}-{index + 1}"


def hostname_of(name: str, uuid: str) -> str:
    """Return a valid host name made from a display name; Server-<uuid> when nothing is left."""
    clean = _NOT_IN_HOSTNAME.sub("", re.sub(r"[ _.]", "-", name.lower())).strip("-")
    return clean[:HOSTNAME_LENGTH].rstrip("-") or f"server-{uuid}"
