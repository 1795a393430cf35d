"""Serves services.conductor.rpcapi.builds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import oslo_messaging

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.db import boot_volumes, builds, claims, failed_builds, pci_devices
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.objects.compute import (
    BootRequest,
    BuildOrder,
    BuildResult,
    Claim,
    ClaimAnswer,
    Instance,
)
from devstack_lite.objects.pci import PciDevice
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.together import Call
from devstack_lite.states import Verdict
from devstack_lite.steps import StepLog, point_of
from services.conductor.dispatch import Dispatcher

LOG = logging.getLogger(__name__)


class Builds:
    """Each method is one transaction; delivered twice, each answers as it did the first time."""

    target = oslo_messaging.Target(namespace="builds", version="1.0")

    def __init__(
        self,
        db: Database,
        dispatcher: Dispatcher,
        *,
        limits: Callable[[str, str], Limits],
        max_attempts: int,
        packs_cells: bool = False,
    ) -> None:
        self._db = db
        self._dispatcher = dispatcher
        self._limits = limits
        self._max_attempts = max_attempts
        self._packs_cells = packs_cells

    def create_instances(self, context: RequestContext, *, boot: BootRequest) -> list[Instance]:
        """Record them; keyed by the uuids that the api made."""
        made = builds.create_instances(self._db, context, boot, self._limits_of(context))
        return _recorded(made)

    def create_instances_together(self, calls: Sequence[Call]) -> list[list[Instance]]:
        """Record those of many requests in one transaction; all or none."""
        requests = [(own, given["boot"], self._limits_of(own)) for own, given in calls]
        made = builds.create_all(self._db, requests)
        for (context, _), instances in zip(calls, made, strict=True):
            context.make_current()
            _recorded(instances)
        return made

    def _limits_of(self, context: RequestContext) -> Limits:
        return self._limits(str(context.project_id), str(context.user_id))

    def claim_nodes(
        self, context: RequestContext, *, wanted: Sequence[Claim], decision: Json | None = None
    ) -> list[ClaimAnswer]:
        """Record claims; keyed by instance."""
        return claims.claim_nodes(
            self._db, wanted, request_id=context.request_id, decision=decision,
            packs_cells=self._packs_cells,
        )  # fmt: skip

    def claim_nodes_together(self, calls: Sequence[Call]) -> list[list[ClaimAnswer]]:
        """Record the claims of many requests in one transaction."""
        requests = [
            claims.ClaimRequest(
                wanted=given["wanted"], decision=given.get("decision"), request_id=own.request_id
            )
            for own, given in calls
        ]
        return claims.claim_all(self._db, requests, packs_cells=self._packs_cells)

    def start_builds(
        self,
        context: RequestContext,
        *,
        host: str,
        owner: str,
        orders: Sequence[BuildOrder],
        steps: Json,
    ) -> Json:
        """Hand builds over; keyed by owner."""
        log = StepLog.received(steps, sent_at=context.sent_at, queue_step=10)
        began = log.mark
        with failpoints.around(point_of(11)):
            granted = builds.start_builds(self._db, host, owner, orders, log)
        return _handed_over(host, granted, began)

    def start_builds_together(self, calls: Sequence[Call]) -> list[Json]:
        """Hand over the builds of many requests in one transaction: all to one owner."""
        host, owner = calls[0][1]["host"], calls[0][1]["owner"]
        logs = [
            StepLog.received(given["steps"], sent_at=own.sent_at, queue_step=10)
            for own, given in calls
        ]
        began = [log.mark for log in logs]
        for context, _ in calls:
            context.make_current()
            failpoints.hit(f"{point_of(11)}.before")
        groups = [(given["orders"], log) for (_, given), log in zip(calls, logs, strict=True)]
        granted = builds.start_all(self._db, host, owner, groups)
        found = []
        for (context, _), own, start in zip(calls, granted, began, strict=True):
            context.make_current()
            failpoints.hit(f"{point_of(11)}.after")
            found.append(_handed_over(host, own, start))
        return found

    def get_pci_devices(self, context: RequestContext, *, uuid: str, node: str) -> list[PciDevice]:
        """Read them."""
        return pci_devices.devices_of_instance(self._db, uuid, node)

    def reserve_boot_volume(
        self, context: RequestContext, *, uuid: str, attempt: int, volume_id: str
    ) -> bool:
        """Reserve it. Delivered twice: it is."""
        return boot_volumes.reserve_boot_volume(
            self._db, uuid, attempt=attempt, volume_id=volume_id
        )

    def finish_builds(
        self, context: RequestContext, *, results: Sequence[BuildResult], availability_zone: str
    ) -> dict[str, str]:
        """Make them ACTIVE; keyed by uuid and attempt."""
        answers = builds.finish_builds(self._db, results, availability_zone)
        for uuid, verdict in answers.items():
            text = "ACTIVE" if verdict is Verdict.MINE else f"built in vain: {verdict}"
            LOG.info("%s", text, extra={"instance_uuid": uuid})
        return {uuid: str(verdict) for uuid, verdict in answers.items()}

    def judge_builds(
        self, context: RequestContext, *, results: Sequence[BuildResult]
    ) -> dict[str, str]:
        """Read whose they are."""
        judged = builds.judge_builds(self._db, results)
        return {uuid: str(verdict) for uuid, verdict in judged.items()}

    def fail_builds(
        self,
        context: RequestContext,
        *,
        results: Sequence[BuildResult],
        failed_host: str | None,
        decision: Json | None = None,
    ) -> None:
        """Schedule again or end in ERROR; keyed by uuid and attempt."""
        again, ended = failed_builds.fail_builds(
            self._db,
            results,
            max_attempts=self._max_attempts,
            request_id=context.request_id,
            decision=decision,
        )
        for uuid in ended:
            LOG.warning("ERROR: build failed for good", extra={"instance_uuid": uuid})
        for instance in again:
            LOG.info("scheduled again, attempt %d", instance.attempt,
                     extra={"instance_uuid": instance.uuid})  # fmt: skip
            self._dispatcher.dispatch(instance, avoid_host=failed_host)


def _recorded(made: list[Instance]) -> list[Instance]:
    for instance in made:
        LOG.info("step 4: recorded", extra={"instance_uuid": instance.uuid})
    return made


def _handed_over(host: str, granted: Sequence[Instance], began: float) -> Json:
    """Return what start_builds answers: the instances, and its own step, which is open still."""
    for instance in granted:
        LOG.info("step 11: handed to %s, attempt %d", host, instance.attempt,
                 extra={"instance_uuid": instance.uuid})  # fmt: skip
    rest = StepLog()
    rest.open(11, start=began)
    return {"instances": granted, "steps": rest.to_message()}
