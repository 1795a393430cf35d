"""Serves services.conductor.rpcapi.builds."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.objects.compute import (
    BootRequest,
    BuildOrder,
    BuildResult,
    Claim,
    Instance,
    NetworkRequest,
    Progress,
    ScheduleRequest,
)
from devstack_lite.objects.registry import Json
from devstack_lite.steps import StepLog
from services.scheduler.rpcapi import SchedulerAPI

LOG = logging.getLogger(__name__)


class Builds:
    """Each method is one transaction; delivered twice, each answers as it did the first time."""

    target = oslo_messaging.Target(namespace="builds", version="1.0")

    def __init__(
        self,
        db: Database,
        scheduler: SchedulerAPI,
        *,
        limits: Callable[[], Limits],
        max_attempts: int,
    ) -> None:
        self._db = db
        self._scheduler = scheduler
        self._limits = limits
        self._max_attempts = max_attempts

    def create_instances(self, context: RequestContext, *, boot: BootRequest) -> list[Instance]:
        """Record them; keyed by the uuids that the api made."""
        made = builds.create_instances(self._db, context, boot, self._limits())
        LOG.info("step 4: recorded %d instances of %s", len(made), boot.name)
        return made

    def claim_nodes(self, context: RequestContext, *, wanted: Sequence[Claim]) -> list[str]:
        """Record claims; keyed by instance."""
        return claims.claim_nodes(self._db, wanted)

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
        granted = builds.start_builds(self._db, host, owner, orders, log)
        for instance in granted:
            LOG.info("step 11: handed to %s, attempt %d", host, instance.attempt,
                     extra={"instance_uuid": instance.uuid})  # fmt: skip
        rest = StepLog()
        rest.open(11, start=began)
        return {"instances": granted, "steps": rest.to_message()}

    def write_progress(self, context: RequestContext, *, reports: Sequence[Progress]) -> None:
        """Show where builds are; a late report of an older attempt changes nothing."""
        builds.write_progress(self._db, reports)

    def finish_builds(
        self, context: RequestContext, *, results: Sequence[BuildResult], availability_zone: str
    ) -> dict[str, bool]:
        """Make them ACTIVE; keyed by uuid and attempt."""
        answers = builds.finish_builds(self._db, results, availability_zone)
        for uuid, is_active in answers.items():
            LOG.info("%s", "ACTIVE" if is_active else "built, but no longer wanted",
                     extra={"instance_uuid": uuid})  # fmt: skip
        return answers

    def fail_builds(
        self, context: RequestContext, *, results: Sequence[BuildResult], failed_host: str | None
    ) -> None:
        """Schedule again or end in ERROR; keyed by uuid and attempt."""
        again, ended = builds.fail_builds(self._db, results, max_attempts=self._max_attempts)
        for uuid in ended:
            LOG.warning("ERROR: build failed for good", extra={"instance_uuid": uuid})
        for instance in again:
            LOG.info("scheduled again, attempt %d", instance.attempt,
                     extra={"instance_uuid": instance.uuid})  # fmt: skip
            self._scheduler.reschedule_builds(
                context,
                request=ScheduleRequest(
                    boot=boot_request_of(instance),
                    attempt=instance.attempt,
                    ignore_hosts=(failed_host,) if failed_host else (),
                ),
            )


def boot_request_of(instance: Instance) -> BootRequest:
    """Return the request that would boot this instance again."""
    kept = instance.boot_request
    return BootRequest(
        name=instance.name,
        flavor=dataclasses.replace(instance.flavor),
        image_ref=instance.image_ref,
        image_properties=kept.get("image_properties", {}),
        instance_uuids=(instance.uuid,),
        networks=tuple(NetworkRequest(**request) for request in kept.get("networks", ())),
        availability_zone=instance.requested_zone,
        scheduler_hints=kept.get("scheduler_hints", {}),
        volumes=tuple(kept.get("volumes", ())),
        key_name=instance.key_name,
        reservation_id=instance.reservation_id,
    )
