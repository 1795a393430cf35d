"""Claims: what an instance takes of a node. Atomic in the database, never in anybody's memory.

`used` of a node is the sum of the claims on it: each function here changes both or neither. The
conditional update cannot over-allocate, however many writers race.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db import decisions, numa_claims, pci_devices, resource_classes
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import (
    claims,
    compute_nodes,
    counters,
    instances,
    server_group_members,
)
from devstack_lite.db.server_groups import placements_of
from devstack_lite.db.statements import one_of
from devstack_lite.objects.compute import Claim, ClaimAnswer, Place
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
    if connection.dialect.update_returning:
        return int(connection.execute(_NEXT_VERSION_TOLD).scalar_one())
    connection.execute(_NEXT_VERSION)
    return int(connection.execute(_VERSION).scalar_one())


_NEXT_VERSION = (
    counters.update().where(counters.c.name == NODE_VERSION).values(value=counters.c.value + 1)
)
_NEXT_VERSION_TOLD = _NEXT_VERSION.returning(counters.c.value)
_VERSION = sa.select(counters.c.value).where(counters.c.name == NODE_VERSION)


def claim_nodes(
    db: Database,
    wanted: Sequence[Claim],
    *,
    request_id: str = "",
    decision: Json | None = None,
    packs_cells: bool = False,
) -> list[ClaimAnswer]:
    """Record claims; return CLAIMED, FULL, STALE or AGAINST_POLICY, in order. One transaction.

    What a node refuses is claimed on the first of its alternates that takes it. STALE: the instance
    is gone, deleted, or a later attempt has it. Delivered twice: an instance that holds this very
    claim, or its alternate, is CLAIMED again. What an earlier attempt claimed to build on is
    replaced; what an instance that moves holds where it was stays. decision: what chose the nodes;
    it is kept with the answers. packs_cells: NUMA cells with least room come first.
    """
    request = ClaimRequest(wanted=wanted, decision=decision, request_id=request_id)
    [found] = claim_all(db, [request], packs_cells=packs_cells)
    return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """What one request has claimed, and the decision that chose it."""

    wanted: Sequence[Claim]
    decision: Json | None = None
    request_id: str = ""


def claim_all(
    db: Database, requests: Sequence[ClaimRequest], *, packs_cells: bool = False
) -> list[list[ClaimAnswer]]:
    """Do what claim_nodes does for each of many requests, in one transaction."""
    wanted = [claim for request in requests for claim in request.wanted]
    with db.write() as connection:
        found = iter(_Claiming(connection, wanted, packs_cells=packs_cells).run())
        answers = [list(itertools.islice(found, len(request.wanted))) for request in requests]
        decisions.keep(
            connection,
            [
                (request.request_id, decisions.with_answers(request.decision, request.wanted, own))
                for request, own in zip(requests, answers, strict=True)
                if request.decision is not None
            ],
        )
    return answers


IS_TO_BUILD_ON = sa.and_(claims.c.instance_uuid == instances.c.uuid, claims.c.is_building.is_(True))
"""What joins an instance with the claim that it is to be built on: one at most."""

_OPEN = (
    sa.select(
        instances.c.uuid,
        instances.c.attempt.label("open_attempt"),
        server_group_members.c.group_id,
        *claims.c,
    )
    .outerjoin(claims, IS_TO_BUILD_ON)
    .outerjoin(server_group_members, server_group_members.c.instance_uuid == instances.c.uuid)
    .where(
        one_of(instances.c.uuid),
        instances.c.deleted_at.is_(None),
        instances.c.task_state.in_(AWAITS_HOST),
    )
)
"""Of each instance that awaits a host: its attempt, its group, and the claim of an earlier one."""
_INSERT = claims.insert()
_DELETE = claims.delete().where(
    claims.c.node == sa.bindparam("b_node"), one_of(claims.c.instance_uuid)
)


class _Claiming:
    """Claims under way in one transaction."""

    def __init__(
        self, connection: Connection, wanted: Sequence[Claim], *, packs_cells: bool
    ) -> None:
        uuids = [claim.instance_uuid for claim in wanted]
        self._connection = connection
        self._wanted = wanted
        rows = connection.execute(_OPEN, {"uuids": uuids}).all()
        self._attempts = {row.uuid: row.open_attempt for row in rows}
        self._held = {row.uuid: row for row in rows if row.node is not None}
        self._groups = placements_of(connection, uuids) if any(row.group_id for row in rows) else {}
        self._answers = [
            ClaimAnswer(outcome=STALE, host=claim.host, node=claim.node) for claim in wanted
        ]
        self._taken: list[int] = []
        self._packs_cells = packs_cells
        self._cells: dict[int, str] = {}
        """By index what a claim has of its node's NUMA cells."""

    def run(self) -> list[ClaimAnswer]:
        """Record what can be; return what became of each."""
        open_ones = [index for index, claim in enumerate(self._wanted) if self._is_open(claim)]
        fresh = [index for index in open_ones if not self._is_held(index)]
        if fresh:
            # Holds the nodes' counter, and so every other writer of them, until the commit.
            version = next_version(self._connection)
            allowed = [index for index in fresh if self._is_allowed(index)]
            self._release(allowed, version)
            self._take_first_choices(allowed, version)
            for index in fresh:
                if index not in self._taken:
                    self._take_alternate(index, version)
            self._record()
        return self._answers

    def _is_open(self, claim: Claim) -> bool:
        return self._attempts.get(claim.instance_uuid) == claim.attempt

    def _is_held(self, index: int) -> bool:
        """Say whether this very claim was made before, and answer it again."""
        claim = self._wanted[index]
        row = self._held.get(claim.instance_uuid)
        places = [claim.node, *(place.node for place in claim.alternates)]
        if row is None or row.attempt != claim.attempt or row.node not in places:
            return False
        self._answers[index] = ClaimAnswer(outcome=CLAIMED, host=row.host, node=row.node)
        self._join(claim, row.host)
        return True

    def _is_allowed(self, index: int) -> bool:
        """Say whether the instance's group, if it has one, lets it be there; it is then."""
        claim = self._wanted[index]
        group = self._groups.get(claim.instance_uuid)
        if group is not None and not group.allows(claim.host):
            self._answer(index, AGAINST_POLICY)
            return False
        self._join(claim, claim.host)
        return True

    def _join(self, claim: Claim, host: str, count: int = 1) -> None:
        if claim.instance_uuid in self._groups:
            self._groups[claim.instance_uuid].members_on[host] += count

    def _answer(self, index: int, outcome: str, place: Place | None = None) -> None:
        chosen = place or self._wanted[index]
        self._answers[index] = ClaimAnswer(outcome=outcome, host=chosen.host, node=chosen.node)

    def _release(self, indexes: Sequence[int], version: int) -> None:
        """Release what earlier attempts of these claimed to build on."""
        held = (self._held.pop(self._wanted[index].instance_uuid, None) for index in indexes)
        release_rows(self._connection, [row for row in held if row is not None], version)

    def _take_first_choices(self, indexes: Sequence[int], version: int) -> None:
        """Take what each chose: of one size on one node together."""
        alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for index in indexes:
            if self._wants_its_own(index):
                self._note(index, is_taken=self._take_on(index, self._wanted[index].node, version))
                continue
            alike[_size(self._wanted[index], self._wanted[index].node)].append(index)
        for size, own in alike.items():
            accepted = _take(self._connection, size, len(own), version)
            for position, index in enumerate(own):
                self._note(index, is_taken=position < accepted)

    def _wants_its_own(self, index: int) -> bool:
        """Say whether a claim is of more than amounts: of NUMA cells, or of PCI devices."""
        claim = self._wanted[index]
        return claim.numa_topology is not None or bool(claim.pci_requests)

    def _take_on(self, index: int, node: str, version: int) -> bool:
        """Take a node's room for one, NUMA cells and PCI devices included; say if it was there."""
        claim, more = self._wanted[index], {}
        cells = None
        if claim.numa_topology is not None:
            cells = numa_claims.fit(
                self._connection, node, claim.numa_topology, is_packing=self._packs_cells
            )
            if cells is None:
                return False
            more["numa_used"] = cells.used
        devices = pci_devices.find(self._connection, node, claim.pci_requests)
        if devices is None:
            return False
        if not _take_exactly(self._connection, _size(claim, node), 1, version, **more):
            return False
        if cells is not None:
            self._cells[index] = cells.topology
        pci_devices.assign(self._connection, node, claim.instance_uuid, devices)
        return True

    def _note(self, index: int, *, is_taken: bool) -> None:
        """Note what became of a first choice."""
        if is_taken:
            self._answer(index, CLAIMED)
            self._taken.append(index)
        else:
            self._answer(index, FULL)
            self._join(self._wanted[index], self._wanted[index].host, -1)

    def _take_alternate(self, index: int, version: int) -> None:
        """Take the first alternate that has room and that the group allows, if there is one."""
        claim = self._wanted[index]
        group = self._groups.get(claim.instance_uuid)
        for place in claim.alternates:
            if group is not None and not group.allows(place.host):
                continue
            self._release([index], version)
            if self._take_on(index, place.node, version):
                self._join(claim, place.host)
                self._answer(index, CLAIMED, place)
                self._taken.append(index)
                return

    def _record(self) -> None:
        if not self._taken:
            return
        self._connection.execute(
            _INSERT,
            [
                {
                    "instance_uuid": self._wanted[index].instance_uuid,
                    "host": self._answers[index].host,
                    "node": self._answers[index].node,
                    "vcpus": self._wanted[index].vcpus,
                    "memory_mb": self._wanted[index].memory_mb,
                    "disk_gb": self._wanted[index].disk_gb,
                    "resources": dict(self._wanted[index].resources),
                    "attempt": self._wanted[index].attempt,
                    "is_building": True,
                    "numa_topology": self._cells.get(index),
                    "pci_requests": [
                        dataclasses.asdict(one) for one in self._wanted[index].pci_requests
                    ]
                    or None,
                }
                for index in self._taken
            ],
        )


def _size(claim: Claim, node: str) -> tuple[Any, ...]:
    others = tuple(sorted(claim.resources.items()))
    return (node, claim.vcpus, claim.memory_mb, claim.disk_gb, others)


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


def _take_exactly(
    connection: Connection, size: tuple[Any, ...], count: int, version: int, **more: Any
) -> bool:
    """Take size count times of its node, or nothing; more: what else its row says then."""
    node, vcpus, memory_mb, disk_gb, others = size
    if others:
        used = resource_classes.taken(connection, node, dict(others), count)
        if used is None:
            return False
        more["resources_used"] = used
    wanted = _used(node, count * vcpus, count * memory_mb, count * disk_gb, count, count)
    return bool(connection.execute(_TAKE, {**wanted, **more, "version": version}).rowcount)


def _used(
    node: str, vcpus: int, memory_mb: int, disk_gb: int, count: int, io_ops: int
) -> dict[str, Any]:
    """Return the parameters of _USE: how much more is used of a node, or less."""
    return {
        "b_node": node, "b_vcpus_used": vcpus, "b_memory_mb_used": memory_mb,
        "b_disk_gb_used": disk_gb, "b_instances": count, "b_io_ops": io_ops,
    }  # fmt: skip


def _more(name: str) -> sa.ColumnElement[Any]:
    return compute_nodes.c[name] + sa.bindparam(f"b_{name}", type_=sa.Integer)


def _fits(amount: str, reserved: str, ratio: str) -> sa.ColumnElement[bool]:
    own = compute_nodes.c
    return _more(f"{amount}_used") <= (own[amount] - own[reserved]) * own[ratio]


_USE = (
    compute_nodes.update()
    .where(compute_nodes.c.hypervisor_hostname == sa.bindparam("b_node"))
    .values({
        name: _more(name)
        for name in ("vcpus_used", "memory_mb_used", "disk_gb_used", "instances", "io_ops")
    })
)  # fmt: skip
_TAKE = _USE.where(
    _fits("vcpus", "reserved_vcpus", "cpu_allocation_ratio"),
    _fits("memory_mb", "reserved_memory_mb", "ram_allocation_ratio"),
    _fits("disk_gb", "reserved_disk_gb", "disk_allocation_ratio"),
)


def release_rows(connection: Connection, rows: Sequence[Any], version: int) -> None:
    """Remove claims that were read in this transaction, and give back what they took."""
    if not rows:
        return
    per_node: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    others: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.resources:
            others[row.node].update(row.resources)
        total = per_node[row.node]
        for position, amount in enumerate(
            (row.vcpus, row.memory_mb, row.disk_gb, 1, int(row.is_building))
        ):
            total[position] += amount
    for node in per_node:
        uuids = [row.instance_uuid for row in rows if row.node == node]
        connection.execute(_DELETE, {"b_node": node, "uuids": uuids})
    pci_devices.free(
        connection, [(row.node, row.instance_uuid) for row in rows if row.pci_requests]
    )
    for node, (vcpus, memory_mb, disk_gb, count, building) in per_node.items():
        more: Json = numa_claims.given_back(connection, node, rows)
        if node in others:
            more["resources_used"] = resource_classes.given_back(connection, node, others[node])
        less = _used(node, -vcpus, -memory_mb, -disk_gb, -count, -building)
        connection.execute(_USE, {**less, **more, "version": version})


def release(connection: Connection, uuids: Sequence[str]) -> None:
    """Release all claims of these instances, in the caller's transaction. None is fine."""
    rows = connection.execute(_OF_INSTANCES, {"uuids": list(uuids)}).all()
    if rows:
        release_rows(connection, rows, next_version(connection))


_OF_INSTANCES = sa.select(claims).where(one_of(claims.c.instance_uuid)).with_for_update()


def release_building(connection: Connection, uuids: Sequence[str]) -> None:
    """Release the claims on which these instances were to be built. None is fine."""
    _release(connection, claims.c.instance_uuid.in_(uuids), claims.c.is_building.is_(True))


def release_elsewhere(connection: Connection, uuid: str, node: str) -> None:
    """Release the claims of an instance on other nodes than the one it is on. None is fine."""
    _release(connection, claims.c.instance_uuid == uuid, claims.c.node != node)


def places_elsewhere(connection: Connection, uuid: str, node: str | None) -> list[Json]:
    """Return host and node of each claim of an instance that is not on the node it is on."""
    own = claims.c
    rows = connection.execute(
        sa.select(own.host, own.node).where(own.instance_uuid == uuid, own.node != (node or ""))
    )
    return [{"host": row.host, "node": row.node} for row in rows]


def _release(connection: Connection, *condition: sa.ColumnElement[bool]) -> None:
    rows = connection.execute(sa.select(claims).where(*condition).with_for_update()).all()
    if rows:
        release_rows(connection, rows, next_version(connection))


def end_building(connection: Connection, uuids: Sequence[str]) -> None:
    """Note that these instances are built: they no longer weigh as I/O on their nodes."""
    which = {"uuids": list(uuids)}
    if connection.dialect.update_returning:
        built_on = connection.scalars(_END_BUILDING_TOLD, {**which, "is_building": False}).all()
    else:
        built_on = connection.scalars(_BUILT_ON, which).all()
        connection.execute(_END_BUILDING, {**which, "is_building": False})
    if not built_on:
        return
    version = next_version(connection)
    connection.execute(
        _NODE_BUILT,
        [{"b_node": node, "b_io_ops": -count, "failed_builds": 0, "version": version}
         for node, count in sorted(Counter(built_on).items())],
    )  # fmt: skip


_IS_BUILDING = (one_of(claims.c.instance_uuid), claims.c.is_building.is_(True))
_BUILT_ON = sa.select(claims.c.node).where(*_IS_BUILDING).with_for_update()
_END_BUILDING = claims.update().where(*_IS_BUILDING)
_END_BUILDING_TOLD = _END_BUILDING.returning(claims.c.node)
_NODE_BUILT = (
    compute_nodes.update()
    .where(compute_nodes.c.hypervisor_hostname == sa.bindparam("b_node"))
    .values(io_ops=_more("io_ops"))
)


def note_failures(connection: Connection, nodes: Iterable[str]) -> None:
    """Count builds that failed on these nodes, once for each time that one is named."""
    for node, count in Counter(nodes).items():
        connection.execute(
            compute_nodes.update()
            .where(compute_nodes.c.hypervisor_hostname == node)
            .values(
                failed_builds=compute_nodes.c.failed_builds + count,
                version=next_version(connection),
            )
        )
