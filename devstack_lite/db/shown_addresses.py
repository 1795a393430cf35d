"""The addresses that an instance shows, when somebody changes those of a port that it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.schema import instances, ports
from devstack_lite.objects.registry import Json


def instance_with(connection: Connection, port_id: str) -> Any | None:
    """Return the locked row of the instance that a port is at."""
    device_id = sa.select(ports.c.device_id).where(ports.c.id == port_id).scalar_subquery()
    own = instances.c
    query = sa.select(instances).where(own.uuid == device_id, own.deleted_at.is_(None))
    return connection.execute(query.with_for_update()).one_or_none()


def show_addresses(
    connection: Connection, instance: Any, port_id: str, held: Sequence[Json]
) -> None:
    """Have an instance show the addresses that one of its ports has now; caller's transaction."""
    ips = [
        {
            "address": one["ip_address"], "version": 6 if ":" in one["ip_address"] else 4,
            "subnet_id": one["subnet_id"],
        }
        for one in held
    ]  # fmt: skip
    shown = [
        {**port, "ips": ips} if port["port_id"] == port_id else port
        for port in instance.network_info
    ]
    if shown != list(instance.network_info):
        connection.execute(
            instances.update()
            .where(instances.c.uuid == instance.uuid)
            .values(network_info=shown, updated_at=utcnow())
        )
