"""Placing the instances of a request: decide, have it claimed, hand over; step 7 of a boot.

A claim that the database refuses is decided again on fresh rows. Only what is claimed is handed to
a host, and what no host takes ends in ERROR with the reason.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from devstack_lite import semantics
from devstack_lite.context import RequestContext
from devstack_lite.db.claims import AGAINST_POLICY, CLAIMED, FULL, hosts_of
from devstack_lite.db.engine import Database
from devstack_lite.db.host_news import image_properties_by_host
from devstack_lite.db.server_groups import placement_of
from devstack_lite.exceptions import DevstackError
from devstack_lite.objects.compute import (
    BuildOrder,
    BuildResult,
    Claim,
    ClaimAnswer,
    ScheduleRequest,
)
from devstack_lite.objects.registry import Json
from devstack_lite.pci.alias import requests_of
from devstack_lite.steps import StepLog
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.builds import BuildsAPI
from services.scheduler.decide import Decision, Scheduler, Selection
from services.scheduler.hint_filters import uuids_in
from services.scheduler.hosts import HostTable
from services.scheduler.numa_filter import wanted_cells
from services.scheduler.outer_weighers import neighbours_of

LOG = logging.getLogger(__name__)

CLAIM_ROUNDS = 10
"""Races lost in a row before a request is refused. Each round starts from fresh rows, so that a
round is lost only to somebody who won one, or to what a claim refuses and the filters pass."""

REFUSALS = 2
"""Rounds in which a node refused an instance before others are asked first."""

DEAD_ATTEMPTS = 4
"""Times that a request is left to the reconciler because every host looks dead: some 40 s."""


@dataclass(slots=True, kw_only=True)
class Placing:
    """One request while its instances are placed."""

    context: RequestContext
    request: ScheduleRequest
    log: StepLog
    waiting: list[str] = field(init=False)
    """What is not claimed and not refused."""
    refused: list[str] = field(default_factory=list)
    """What the last decision found no node for."""
    lost: list[str] = field(default_factory=list)
    """What the last claims refused."""
    decision: Decision = field(default_factory=Decision)
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often an instance was refused by a node."""
    orders: dict[str, list[BuildOrder]] = field(default_factory=lambda: defaultdict(list))
    """What is claimed, by host."""
    failure: DevstackError | None = None
    """Why its claims could not be made, or nobody knows whether they were."""

    def __post_init__(self) -> None:
        self.waiting = list(self.request.boot.instance_uuids)

    @property
    def hosts(self) -> dict[str, str]:
        """The host of each instance that has one."""
        return {order.instance_uuid: host for host, own in self.orders.items() for order in own}

    def note(self, pairs: Sequence[tuple[str, Selection]], answers: Sequence[ClaimAnswer]) -> None:
        """Note what became of claims."""
        self.lost = []
        for (uuid, selection), answer in zip(pairs, answers, strict=True):
            LOG.info("step 7: %s on %s, weight %.3f", answer.outcome, answer.node,
                     selection.weight, extra={"instance_uuid": uuid})  # fmt: skip
            if answer.outcome == CLAIMED:
                self.orders[answer.host].append(
                    BuildOrder(instance_uuid=uuid, node=answer.node, attempt=self.request.attempt)
                )
            elif answer.outcome in {FULL, AGAINST_POLICY}:
                self.lost.append(uuid)

    def note_lost(self, pairs: Sequence[tuple[str, Selection]]) -> None:
        """Have what was refused wait again, and note by whom it was."""
        self.waiting, self.lost = self.lost, []
        self.refusals.update(
            (uuid, node)
            for uuid, selection in pairs
            if uuid in self.waiting
            for node in (selection.node, *(place.node for place in selection.alternates))
        )


def _claims_of(request: ScheduleRequest, pairs: Sequence[tuple[str, Selection]]) -> list[Claim]:
    size = request.boot.resources
    numa_topology = wanted_cells(request.boot)
    return [
        Claim(
            instance_uuid=uuid, host=selection.host, node=selection.node,
            vcpus=size.vcpus, memory_mb=size.memory_mb, disk_gb=size.disk_gb,
            resources=dict(size.others), attempt=request.attempt,
            alternates=selection.alternates, numa_topology=numa_topology,
            pci_requests=requests_of(request.boot.flavor.extra_specs),
        )
        for uuid, selection in pairs
    ]  # fmt: skip


Chosen: TypeAlias = tuple[Placing, Sequence[tuple[str, Selection]]]
"""A request, and the node that is chosen for each instance of it."""


class Placer:
    """The table of one worker and what it places with."""

    def __init__(
        self,
        db: Database,
        scheduler: Scheduler,
        conductor: BuildsAPI,
        compute: ComputeAPI,
        *,
        down_time_s: float,
    ) -> None:
        self._db = db
        self._scheduler = scheduler
        self._conductor = conductor
        self._compute = compute
        self._down_time_s = down_time_s
        self._table = HostTable()
        self._lock = threading.Lock()

    def place(
        self, context: RequestContext, request: ScheduleRequest, log: StepLog
    ) -> dict[str, str]:
        """Claim a node for each instance and hand it over; return the host per uuid."""
        placing = Placing(context=context, request=request, log=log)
        self.place_all([placing])
        if placing.failure is not None:
            raise placing.failure
        return placing.hosts

    def place_all(self, requests: Sequence[Placing]) -> None:
        """Do so for many requests: one message for all claims, and one for each host."""
        for one in requests:
            one.log.open(7)
        for _ in range(CLAIM_ROUNDS):
            under_way = [one for one in requests if one.waiting]
            if not under_way:
                break
            chosen = self._choose(under_way)
            self._claim([(one, pairs) for one, pairs in chosen if pairs])
            for one, pairs in chosen:
                one.note_lost(pairs)
                if one.refused and one.failure is None:
                    self._leave_or_refuse(one, one.refused)
        for one in requests:
            if one.waiting:
                self._leave_or_refuse(one, one.waiting)
        self._hand_over(requests)

    def _choose(self, requests: Sequence[Placing]) -> list[Chosen]:
        """Decide for each on the same fresh rows; return which node is chosen for what."""
        chosen: list[Chosen] = []
        # The lock covers reading and deciding, not the claims: the table's own copy of what was
        # just placed keeps two requests of this worker apart meanwhile.
        with self._lock:
            self._table.refresh(self._db, down_time_s=self._down_time_s)
            for one in requests:
                one.context.make_current()
                avoided = {node for (_, node), times in one.refusals.items() if times >= REFUSALS}
                one.decision = self._decide(one.request, one.waiting, avoided)
                pairs = list(zip(one.waiting, one.decision.selections, strict=False))
                one.refused = one.waiting[len(pairs) :]
                chosen.append((one, pairs))
        return chosen

    def _leave_or_refuse(self, one: Placing, uuids: Sequence[str]) -> None:
        """Leave to the reconciler what it may still place, and then all that waits; refuse it."""
        one.context.make_current()
        if self._may_come_back(one.request, one.decision):
            one.waiting = []
        else:
            self._refuse(one.context, one.request, uuids, one.decision, one.log)

    def explain(self, request: ScheduleRequest, count: int) -> Json:
        """Return the decision that would be made now for count instances; nothing is placed."""
        with self._lock:
            self._table.refresh(self._db, down_time_s=self._down_time_s)
            self._look(request, ())
            with self._table.undone():
                decision = self._scheduler.decide(self._table, request, count)
        is_placed = len(decision.selections) == count
        return {**decision.to_message(), "reason": "" if is_placed else decision.explain()}

    @staticmethod
    def _may_come_back(request: ScheduleRequest, decision: Decision) -> bool:
        """Say whether to leave the rest to the reconciler: every host looks dead.

        So it looks, too, when nobody could note the hosts' signs of life for a while.
        """
        all_nodes = decision.counts[0].start if decision.counts else 0
        is_dead = all_nodes > 0 and any(
            (count.name, count.start, count.end) == ("ComputeFilter", all_nodes, 0)
            for count in decision.counts
        )
        if is_dead and request.attempt <= DEAD_ATTEMPTS and semantics.is_durable():
            LOG.warning("every host looks dead: asked again by the reconciler")
            return True
        return False

    def _decide(
        self, request: ScheduleRequest, waiting: Sequence[str], avoided: Collection[str]
    ) -> Decision:
        """Decide on the table as it is. Nodes that are avoided get what no other node takes."""
        self._look(request, waiting)
        if not avoided:
            return self._scheduler.decide(self._table, request, len(waiting))
        elsewhere = replace(request, ignore_nodes=(*request.ignore_nodes, *avoided))
        decision = self._scheduler.decide(self._table, elsewhere, len(waiting))
        left = len(waiting) - len(decision.selections)
        if not left:
            return decision
        # They may have been full by a race only, and have room by now.
        rest = self._scheduler.decide(self._table, request, left)
        return Decision(
            selections=decision.selections + rest.selections, counts=rest.counts,
            best=decision.best or rest.best,
        )  # fmt: skip

    def _look(self, request: ScheduleRequest, waiting: Sequence[str]) -> None:
        """Read what the request's hints are about."""
        hints = request.boot.scheduler_hints
        group_id = hints.get("group")
        self._table.group = (
            placement_of(self._db, str(group_id), without=waiting) if group_id else None
        )
        named = [*uuids_in(hints.get("different_host")), *uuids_in(hints.get("same_host"))]
        self._table.named = hosts_of(self._db, named) if named else {}
        if self._scheduler.needs_neighbours:
            self._table.neighbours = neighbours_of(image_properties_by_host(self._db))

    def _claim(self, chosen: Sequence[Chosen]) -> None:
        """Have the selections claimed; what was full by then is waiting again.

        What could not be claimed has failed: its request alone.
        """
        if not chosen:
            return
        calls = []
        for one, pairs in chosen:
            given: dict[str, Any] = {
                "wanted": _claims_of(one.request, pairs),
                "decision": one.decision.to_message(),
            }
            calls.append((one.context, given))
        answered = self._conductor.invoke_together(self._conductor.claim_nodes, calls)
        for (one, pairs), (_, given), answers in zip(chosen, calls, answered, strict=True):
            wanted: list[Claim] = given["wanted"]
            if isinstance(answers, DevstackError):
                self._doubt(claim.node for claim in wanted)
                one.failure = answers
                continue
            self._doubt(
                node
                for claim, answer in zip(wanted, answers, strict=True)
                if (answer.outcome, answer.node) != (CLAIMED, claim.node)
                for node in (claim.node, answer.node)
            )
            one.context.make_current()
            one.note(pairs, answers)

    def _doubt(self, nodes: Iterable[str]) -> None:
        with self._lock:
            self._table.doubt(nodes)

    def _hand_over(self, requests: Sequence[Placing]) -> None:
        """Send each host what is to be built there, of all requests in one message."""
        by_host: dict[str, list[Placing]] = defaultdict(list)
        for one in requests:
            for host in one.orders:
                by_host[host].append(one)
        for host, own in by_host.items():
            calls = [
                (
                    one.context,
                    {"host": host, "orders": one.orders[host], "steps": one.log.to_message()},
                )
                for one in own
            ]
            sent = self._compute.invoke_together(
                self._compute.build_instances, calls, rpc_server=host
            )
            for one, error in zip(own, sent, strict=True):
                if isinstance(error, DevstackError):
                    self._give_back(one, host, error)

    def _give_back(self, one: Placing, host: str, error: DevstackError) -> None:
        """Have what a host does not take built elsewhere."""
        LOG.warning("%s takes no builds: %s", host, error)
        results = [
            BuildResult(
                instance_uuid=order.instance_uuid, attempt=order.attempt,
                error=str(error), can_retry=True, steps=one.log.to_message(),
            )
            for order in one.orders[host]
        ]  # fmt: skip
        self._conductor.fail_builds(one.context, results=results, failed_host=host)

    def _refuse(
        self,
        context: RequestContext,
        request: ScheduleRequest,
        uuids: Sequence[str],
        decision: Decision,
        log: StepLog,
    ) -> None:
        reason = decision.explain()
        LOG.warning("NoValidHost for %d instances: %s", len(uuids), reason)
        ending = log.fork()
        ending.close(outcome="error: NoValidHost", detail=reason)
        counts = "; ".join(
            f"{count.name} {count.start} to {count.end}" for count in decision.counts
        )
        results = [
            BuildResult(
                instance_uuid=uuid, attempt=request.attempt,
                error=f"No valid host was found. {reason}",
                error_details=f"Nodes before and after each filter: {counts}",
                steps=ending.to_message(),
            )
            for uuid in uuids
        ]  # fmt: skip
        self._conductor.fail_builds(
            context,
            results=results,
            failed_host=None,
            decision={**decision.to_message(), "selections": [], "reason": reason},
        )
