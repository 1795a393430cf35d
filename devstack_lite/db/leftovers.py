"""What is left behind when its instance is gone or elsewhere: domains, ports, attachments.

Nothing here is needed while all goes well: whoever removes an instance removes all of it. These
sweeps find what somebody died over.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.deletes import finish_delete
from devstack_lite.db.engine import Database
from devstack_lite.db.holdings import take_away
from devstack_lite.db.schema import (
    claims,
    instances,
    ports,
    volume_attachments,
    volumes,
)
from devstack_lite.objects.compute import FoundDomain, HostFindings
from devstack_lite.states import BUILD_STATES, GUEST_IS_OFF, HAS_GUEST, PowerState, VmState

SETTLE_S = 5.0
"""Rows that changed within so many seconds are left alone: what was found may be older."""


def compare_host(
    db: Database, *, host: str, domains: Sequence[FoundDomain], seen_at: datetime.datetime
) -> HostFindings:
    """Compare a host's domains, seen at a time, with the instances that it should have.

    What the hypervisor says of power is recorded: an ACTIVE or PAUSED instance whose domain is off
    is STOPPED, as Nova's power sync has it. Returns the domains that nobody owns, those that run
    and should not, and the instances whose domain is gone. What changed in the last SETTLE_S
    seconds is not judged: it is to be looked at again. One transaction; may be repeated.
    """
    own = instances.c
    settled = seen_at - datetime.timedelta(seconds=SETTLE_S)
    found = {(domain.uuid, domain.node): domain for domain in domains}
    uuids = {domain.uuid for domain in domains}
    with db.write() as connection:
        rows = {
            row.uuid: row
            for row in connection.execute(
                sa.select(
                    own.uuid, own.host, own.node, own.vm_state, own.task_state, own.power_state,
                    own.updated_at,
                ).where(
                    own.deleted_at.is_(None),
                    sa.or_(own.host == host, own.uuid.in_(uuids)),
                )
            )
        }  # fmt: skip
        held = _claimed(connection, uuids)
        ownerless, running, missing = [], [], []
        is_fresh = False
        for (uuid, node), domain in found.items():
            row = rows.get(uuid)
            if row is not None and row.task_state in BUILD_STATES:
                is_fresh = True  # Where it will be is not decided.
            elif row is None or (row.node != node and (uuid, node) not in held):
                ownerless.append(domain)
        for uuid, row in rows.items():
            if row.host != host or row.task_state is not None:
                continue
            domain_here = found.get((uuid, row.node))
            if row.updated_at > settled:
                seen = domain_here.power_state if domain_here is not None else None
                is_fresh = is_fresh or row.power_state != seen
                continue
            if domain_here is None:
                if row.vm_state in HAS_GUEST:
                    missing.append(uuid)
            elif row.vm_state in GUEST_IS_OFF and domain_here.power_state == PowerState.RUNNING:
                running.append(domain_here)
            elif row.power_state != domain_here.power_state:
                _record_power(connection, uuid, row.vm_state, domain_here.power_state)
    return HostFindings(
        ownerless=tuple(ownerless),
        should_be_off=tuple(running),
        missing=tuple(missing),
        look_again_s=SETTLE_S if is_fresh else None,
    )


def _claimed(connection: Connection, uuids: Collection[str]) -> set[tuple[str, str]]:
    """Return instance and node of their claims: a resized one keeps its old guest by one."""
    own = claims.c
    rows = connection.execute(
        sa.select(own.instance_uuid, own.node).where(own.instance_uuid.in_(uuids))
    )
    return {(row.instance_uuid, row.node) for row in rows}


def _record_power(connection: Connection, uuid: str, vm_state: str, power_state: int) -> None:
    is_off = power_state in {PowerState.SHUTDOWN, PowerState.CRASHED}
    ran = vm_state in {VmState.ACTIVE, VmState.PAUSED}
    state = VmState.STOPPED if ran and is_off else VmState(vm_state)
    connection.execute(
        instances.update()
        .where(instances.c.uuid == uuid, instances.c.task_state.is_(None))
        .values(power_state=power_state, vm_state=state, updated_at=utcnow())
    )


def delete_without_host(db: Database, uuid: str) -> None:
    """End the delete of an instance whose host is down, with its ports and attachments.

    What the host still has of it, the host removes when it comes back. May be repeated.
    """
    finish_delete(db, uuid)
    sweep_leftovers(db, older_than_s=0.0, uuid=uuid)


def sweep_leftovers(
    db: Database, *, older_than_s: float, uuid: str | None = None
) -> dict[str, int]:
    """Remove ports and attachments of instances that are gone; return how many of each.

    uuid: of that one only. A port that an instance made is deleted, one that a user gave is
    unbound. One transaction.
    """
    before = utcnow() - datetime.timedelta(seconds=older_than_s)
    alive = sa.select(instances.c.uuid).where(instances.c.deleted_at.is_(None))
    held = sa.select(ports.c.id, ports.c.device_id).where(
        ports.c.device_owner.startswith("compute:"),
        ports.c.updated_at < before,
        ports.c.device_id.not_in(alive),
    )
    since = sa.func.coalesce(volume_attachments.c.attached_at, volumes.c.updated_at)
    attached = (
        sa.select(volume_attachments.c.id)
        .join(volumes, volumes.c.id == volume_attachments.c.volume_id)
        # Without an instance it is a host's own, which is a user's affair.
        .where(volume_attachments.c.instance_uuid.not_in(alive))
        .where(volume_attachments.c.instance_uuid != "", since < before)
    )
    if uuid is not None:
        held = held.where(ports.c.device_id == uuid)
        attached = attached.where(volume_attachments.c.instance_uuid == uuid)
    with db.read() as connection:
        if not any(connection.execute(one.limit(1)).first() for one in (held, attached)):
            return {"ports": 0, "attachments": 0}
    with db.write() as connection:
        return take_away(connection, held, attached)
