"""Placing the instances of a request: decide, have it claimed, hand over; step 7 of a boot.

A claim that the database refuses is decided again on fresh rows. Only what is claimed is handed to
a host, and what no host takes ends in ERROR with the reason.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from devstack_lite import semantics
from devstack_lite.context import RequestContext
from devstack_lite.db.claims import AGAINST_POLICY, CLAIMED, FULL, hosts_of
from devstack_lite.db.engine import Database
from devstack_lite.db.host_news import image_properties_by_host
from devstack_lite.db.server_groups import placement_of
from devstack_lite.exceptions import DevstackError, Unavailable
from devstack_lite.objects.compute import BuildOrder, BuildResult, Claim, ScheduleRequest
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
        log.open(7)
        waiting = list(request.boot.instance_uuids)
        orders: dict[str, list[BuildOrder]] = defaultdict(list)
        decision = Decision()
        refusals: Counter[tuple[str, str]] = Counter()
        for _ in range(CLAIM_ROUNDS):
            avoided = {node for (_, node), times in refusals.items() if times >= REFUSALS}
            decision = self._decide(request, waiting, avoided)
            pairs = list(zip(waiting, decision.selections, strict=False))
            refused = waiting[len(pairs) :]
            waiting = self._claim(context, request, pairs, orders, decision) if pairs else []
            refusals.update(
                (uuid, node)
                for uuid, selection in pairs
                if uuid in waiting
                for node in (selection.node, *(place.node for place in selection.alternates))
            )
            if refused and self._may_come_back(request, decision):
                break
            if refused:
                self._refuse(context, request, refused, decision, log)
            if not waiting:
                break
        if waiting and not self._may_come_back(request, decision):
            self._refuse(context, request, waiting, decision, log)
        self._hand_over(context, orders, log)
        return {order.instance_uuid: host for host, own in orders.items() for order in own}

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
        """Decide on fresh rows. Nodes that are avoided get what no other node takes."""
        # The lock covers reading and deciding, not the claim: the table's own copy of what was
        # just placed keeps two requests of this worker apart meanwhile.
        with self._lock:
            self._table.refresh(self._db, down_time_s=self._down_time_s)
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

    def _claim(
        self,
        context: RequestContext,
        request: ScheduleRequest,
        pairs: Sequence[tuple[str, Selection]],
        orders: dict[str, list[BuildOrder]],
        decision: Decision,
    ) -> list[str]:
        """Have the selections claimed; return the instances whose node was full by then."""
        size = request.boot.resources
        numa_topology = wanted_cells(request.boot)
        wanted = [
            Claim(
                instance_uuid=uuid, host=selection.host, node=selection.node,
                vcpus=size.vcpus, memory_mb=size.memory_mb, disk_gb=size.disk_gb,
                resources=dict(size.others), attempt=request.attempt,
                alternates=selection.alternates, numa_topology=numa_topology,
                pci_requests=requests_of(request.boot.flavor.extra_specs),
            )
            for uuid, selection in pairs
        ]  # fmt: skip
        try:
            answers = self._conductor.claim_nodes(
                context, wanted=wanted, decision=decision.to_message()
            )
        except DevstackError:
            self._doubt(claim.node for claim in wanted)
            raise
        self._doubt(
            node
            for claim, answer in zip(wanted, answers, strict=True)
            if (answer.outcome, answer.node) != (CLAIMED, claim.node)
            for node in (claim.node, answer.node)
        )
        lost = []
        for (uuid, selection), answer in zip(pairs, answers, strict=True):
            LOG.info("step 7: %s on %s, weight %.3f", answer.outcome, answer.node,
                     selection.weight, extra={"instance_uuid": uuid})  # fmt: skip
            if answer.outcome == CLAIMED:
                orders[answer.host].append(
                    BuildOrder(instance_uuid=uuid, node=answer.node, attempt=request.attempt)
                )
            elif answer.outcome in {FULL, AGAINST_POLICY}:
                lost.append(uuid)
        return lost

    def _doubt(self, nodes: Iterable[str]) -> None:
        with self._lock:
            self._table.doubt(nodes)

    def _hand_over(
        self, context: RequestContext, orders: dict[str, list[BuildOrder]], log: StepLog
    ) -> None:
        steps = log.to_message()
        for host, own in orders.items():
            try:
                self._compute.build_instances(context, host=host, orders=own, steps=steps)
            except Unavailable as error:
                LOG.warning("%s takes no builds: %s", host, error)
                results = [
                    BuildResult(
                        instance_uuid=order.instance_uuid, attempt=order.attempt,
                        error=str(error), can_retry=True, steps=steps,
                    )
                    for order in own
                ]  # fmt: skip
                self._conductor.fail_builds(context, results=results, failed_host=host)

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
