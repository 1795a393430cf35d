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
        made = builds.create_instances(
            self._db,
            context,
            boot,
            self._limits(str(context.project_id), str(context.user_id)),
        )
        for instance in made:
            LOG.info("step 4: recorded", extra={"instance_uuid": instance.uuid})
        return made

    def claim_nodes(
        self, context: RequestContext, *, wanted: Sequence[Claim], decision: Json | None = None
    ) -> list[ClaimAnswer]:
        """Record claims; keyed by instance."""
        return claims.claim_nodes(
            self._db, wanted, request_id=context.request_id, decision=decision,
            packs_cells=self._packs_cells,
        )  # fmt: skip

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
        for instance in granted:
            LOG.info("step 11: handed to %s, attempt %d", host, instance.attempt,
                     extra={"instance_uuid": instance.uuid})  # fmt: skip
        rest = StepLog()
        rest.open(11, start=began)
        return {"instances": granted, "steps": rest.to_message()}

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
