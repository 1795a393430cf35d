"""What an instance holds of the network and of the volumes, and its being taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db import volume_attachments as attachments
from devstack_lite.db.port_removal import remove_ports
from devstack_lite.db.schema import ports, volume_attachments
from devstack_lite.names import is_own_port


def take_from(connection: Connection, uuids: Sequence[str]) -> None:
    """Take their ports and attachments from instances, in the caller's transaction."""
    take_away(
        connection,
        sa.select(ports.c.id, ports.c.device_id).where(
            ports.c.device_owner.startswith("compute:"), ports.c.device_id.in_(uuids)
        ),
        sa.select(volume_attachments.c.id).where(volume_attachments.c.instance_uuid.in_(uuids)),
    )


def take_away(
    connection: Connection, held: sa.Select[Any], attached: sa.Select[Any]
) -> dict[str, int]:
    """Take away the ports that held finds, and the attachments; return how many of each.

    held: gives id and device_id. A port that its instance made is deleted, one that a user gave is
    unbound. In the caller's transaction.
    """
    loose = connection.execute(held).all()
    made = [row.id for row in loose if is_own_port(row.id, row.device_id)]
    given = [row.id for row in loose if row.id not in set(made)]
    if loose:
        remove_ports(connection, made)
        connection.execute(
            ports.update()
            .where(ports.c.id.in_(given))
            .values(device_id="", device_owner="", host_id="", status="DOWN", updated_at=utcnow())
        )
    ended = connection.execute(attached).all()
    for row in ended:
        attachments.remove(connection, row.id, is_ended=True)
    return {"ports": len(loose), "attachments": len(ended)}
