"""Names and ids that are made from others: display names in a batch, host names, port ids."""

from __future__ import annotations

import re
import uuid

_NOT_IN_HOSTNAME = re.compile(r"[^a-z0-9-]+")
HOSTNAME_LENGTH = 63

_PORT_IDS = uuid.UUID("a4c1d3a2-63f5-4a0b-8b7d-2f9f6f0f3e61")


def port_id_of(instance_uuid: str, index: int) -> str:
    """Return the id of the port that an instance makes: the same whenever it is asked for."""
    return str(uuid.uuid5(_PORT_IDS, f"{instance_uuid}/{index}"))


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
