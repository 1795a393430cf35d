"""Claims: what an instance takes of a node. Atomic in the database, never in anybody's memory.

`used` of a node is the sum of the claims on it: each function here changes both or neither. The
conditional update cannot over-allocate, however many writers race.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db import decisions
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import claims, compute_nodes, counters, instances
from devstack_lite.db.server_groups import placements_of
from devstack_lite.objects.compute import Claim
from devstack_lite.objects.registry import Json
from devstack_lite.states import AWAITS_HOST

NODE_VERSION = "node_version"

CLAIMED = "claimed"
FULL = "full"
STALE = "stale"
AGAINST_POLICY = "against its group's policy"


def next_version(connection: Connection) -> int:
    """Return the next version of the nodes; holds the counter until the transaction ends.

    Whoever reads what is newer than a version therefore never misses one that commits later.
    """
    connection.execute(
        counters.update().where(counters.c.name == NODE_VERSION).values(value=counters.c.value + 1)
    )
    return int(
        connection.execute(
            sa.select(counters.c.value).where(counters.c.name == NODE_VERSION)
        ).scalar_one()
    )


def claim_nodes(
    db: Database,
    wanted: Sequence[Claim],
    *,
    request_id: str = "",
    decision: Json | None = None,
) -> list[str]:
    """Record claims; return CLAIMED, FULL, STALE or AGAINST_POLICY, in order. One transaction.

    STALE: the instance is gone, deleted, or a later attempt has it. Delivered twice: an instance
    that holds this very claim is CLAIMED again. What an earlier attempt claimed to build on is
    replaced; what an instance that moves holds where it was stays. decision: what chose the nodes;
    it is kept with the answers.
    """
    with db.write() as connection:
        open_attempts = _open_attempts(connection, [claim.instance_uuid for claim in wanted])
        held = _held(connection, [claim.instance_uuid for claim in wanted])
        groups = placements_of(connection, [claim.instance_uuid for claim in wanted])
        answers = [STALE] * len(wanted)
        fresh: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        outdated: list[Any] = []
        for index, claim in enumerate(wanted):
            if open_attempts.get(claim.instance_uuid) != claim.attempt:
                continue
            row = held.get(claim.instance_uuid)
            if row is not None and (row.node, row.attempt) == (claim.node, claim.attempt):
                answers[index] = CLAIMED
                if claim.instance_uuid in groups:
                    groups[claim.instance_uuid].members_on[claim.host] += 1
                continue
            group = groups.get(claim.instance_uuid)
            if group is not None and not group.allows(claim.host):
                answers[index] = AGAINST_POLICY
                continue
            if group is not None:
                group.members_on[claim.host] += 1
            if row is not None:
                outdated.append(row)
            size = (claim.node, claim.vcpus, claim.memory_mb, claim.disk_gb)
            fresh[size].append(index)
        version = next_version(connection)
        release_rows(connection, outdated, version)
        taken: list[int] = []
        for size, indexes in fresh.items():
            accepted = _take(connection, size, len(indexes), version)
            for position, index in enumerate(indexes):
                answers[index] = CLAIMED if position < accepted else FULL
            taken += indexes[:accepted]
        if taken:
            connection.execute(
                claims.insert(),
                [
                    {
                        "instance_uuid": claim.instance_uuid,
                        "host": claim.host,
                        "node": claim.node,
                        "vcpus": claim.vcpus,
                        "memory_mb": claim.memory_mb,
                        "disk_gb": claim.disk_gb,
                        "attempt": claim.attempt,
                        "is_building": True,
                    }
                    for claim in (wanted[index] for index in taken)
                ],
            )
        if decision is not None:
            decisions.keep(connection, request_id, decision, wanted, answers)
    return answers


def _open_attempts(connection: Connection, uuids: Sequence[str]) -> dict[str, int]:
    rows = connection.execute(
        sa.select(instances.c.uuid, instances.c.attempt).where(
            instances.c.uuid.in_(uuids),
            instances.c.deleted_at.is_(None),
            instances.c.task_state.in_(AWAITS_HOST),
        )
    )
    return {row.uuid: row.attempt for row in rows}


def _held(connection: Connection, uuids: Sequence[str]) -> dict[str, Any]:
    """Return the claims to build on, of which an instance has one at most."""
    rows = connection.execute(
        sa.select(claims).where(claims.c.instance_uuid.in_(uuids), claims.c.is_building.is_(True))
    )
    return {row.instance_uuid: row for row in rows}


def nodes_to_build_on(connection: Connection, uuids: Iterable[str]) -> dict[str, str]:
    """Return the node that each of these instances claims to be built on."""
    return {uuid: row.node for uuid, row in _held(connection, list(uuids)).items()}


def hosts_of(db: Database, uuids: Sequence[str]) -> dict[str, str]:
    """Return the host that each of these instances claims; those that claim none are left out."""
    query = sa.select(claims.c.instance_uuid, claims.c.host)
    with db.read() as connection:
        found = connection.execute(query.where(claims.c.instance_uuid.in_(uuids)))
        return {row.instance_uuid: row.host for row in found}


def _take(connection: Connection, size: tuple[Any, ...], count: int, version: int) -> int:
    """Take size up to count times of its node; return how many fitted."""
    taken, step = 0, count
    while step > 0 and taken < count:
        step = min(step, count - taken)
        if _take_exactly(connection, size, step, version):
            taken += step
        else:
            # Rare: the scheduler chose by what it knew. Halving finds the rest in few statements.
            step //= 2
    return taken


def _take_exactly(connection: Connection, size: tuple[Any, ...], count: int, version: int) -> bool:
    node, vcpus, memory_mb, disk_gb = size
    own = compute_nodes.c
    fits = sa.and_(
        own.hypervisor_hostname == node,
        own.vcpus_used + count * vcpus <= own.vcpus * own.cpu_allocation_ratio,
        own.memory_mb_used + count * memory_mb
        <= (own.memory_mb - own.reserved_memory_mb) * own.ram_allocation_ratio,
        own.disk_gb_used + count * disk_gb <= own.disk_gb * own.disk_allocation_ratio,
    )
    change = compute_nodes.update().where(fits).values(
        vcpus_used=own.vcpus_used + count * vcpus,
        memory_mb_used=own.memory_mb_used + count * memory_mb,
        disk_gb_used=own.disk_gb_used + count * disk_gb,
        instances=own.instances + count,
        io_ops=own.io_ops + count,
        version=version,
    )  # fmt: skip
    return bool(connection.execute(change).rowcount)


def release_rows(connection: Connection, rows: Sequence[Any], version: int) -> None:
    """Remove claims that were read in this transaction, and give back what they took."""
    if not rows:
        return
    per_node: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for row in rows:
        total = per_node[row.node]
        for position, amount in enumerate(
            (row.vcpus, row.memory_mb, row.disk_gb, 1, int(row.is_building))
        ):
            total[position] += amount
    for node in per_node:
        uuids = [row.instance_uuid for row in rows if row.node == node]
        connection.execute(
            claims.delete().where(claims.c.node == node, claims.c.instance_uuid.in_(uuids))
        )
    own = compute_nodes.c
    for node, (vcpus, memory_mb, disk_gb, count, building) in per_node.items():
        connection.execute(
            compute_nodes.update()
            .where(own.hypervisor_hostname == node)
            .values(
                vcpus_used=own.vcpus_used - vcpus,
                memory_mb_used=own.memory_mb_used - memory_mb,
                disk_gb_used=own.disk_gb_used - disk_gb,
                instances=own.instances - count,
                io_ops=own.io_ops - building,
                version=version,
            )
        )


def release(connection: Connection, uuids: Sequence[str]) -> None:
    """Release all claims of these instances, in the caller's transaction. None is fine."""
    _release(connection, claims.c.instance_uuid.in_(uuids))


def release_building(connection: Connection, uuids: Sequence[str]) -> None:
    """Release the claims on which these instances were to be built. None is fine."""
    _release(connection, claims.c.instance_uuid.in_(uuids), claims.c.is_building.is_(True))


def release_elsewhere(connection: Connection, uuid: str, node: str) -> None:
    """Release the claims of an instance on other nodes than the one it is on. None is fine."""
    _release(connection, claims.c.instance_uuid == uuid, claims.c.node != node)


def _release(connection: Connection, *condition: sa.ColumnElement[bool]) -> None:
    rows = connection.execute(sa.select(claims).where(*condition).with_for_update()).all()
    if rows:
        release_rows(connection, rows, next_version(connection))


def end_building(connection: Connection, uuids: Sequence[str]) -> None:
    """Note that these instances are built: they no longer weigh as I/O on their nodes."""
    building = (claims.c.instance_uuid.in_(uuids), claims.c.is_building.is_(True))
    counted = connection.execute(
        sa.select(claims.c.node, sa.func.count()).where(*building).group_by(claims.c.node)
    ).all()
    if not counted:
        return
    connection.execute(claims.update().where(*building).values(is_building=False))
    version = next_version(connection)
    for node, count in counted:
        connection.execute(
            compute_nodes.update()
            .where(compute_nodes.c.hypervisor_hostname == node)
            .values(io_ops=compute_nodes.c.io_ops - count, version=version)
        )
