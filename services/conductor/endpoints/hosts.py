"""Serves services.conductor.rpcapi.hosts."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Sequence

import oslo_messaging

from devstack_lite import semantics
from devstack_lite.context import RequestContext
from devstack_lite.db import device_changes, hosts, leftovers, operations
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import (
    ComputeNode,
    FoundDomain,
    HostFindings,
    Progress,
    ServiceRecord,
)
from services.conductor.dispatch import Dispatcher

LOG = logging.getLogger(__name__)

SCHEDULING_GRACE_S = 0.5
"""Another scheduler worker may be deciding on what is younger; a host's queue is one worker's."""


class Hosts:
    """Each method is one transaction; delivered twice, the rows are the same."""

    target = oslo_messaging.Target(namespace="hosts", version="1.0")

    def __init__(self, db: Database, dispatcher: Dispatcher) -> None:
        self._db = db
        self._dispatcher = dispatcher

    def report_service(
        self, context: RequestContext, *, binary: str, host: str, topic: str, availability_zone: str
    ) -> None:
        """Note a sign of life."""
        hosts.report_service(
            self._db, binary=binary, host=host, topic=topic, availability_zone=availability_zone
        )

    def update_service(
        self,
        context: RequestContext,
        *,
        binary: str,
        host: str,
        is_disabled: bool | None = None,
        disabled_reason: str | None = None,
        is_forced_down: bool | None = None,
    ) -> ServiceRecord:
        """Change it. Delivered twice: the same row."""
        return hosts.update_service(
            self._db,
            binary=binary,
            host=host,
            is_disabled=is_disabled,
            disabled_reason=disabled_reason,
            is_forced_down=is_forced_down,
        )

    def delete_service(
        self, context: RequestContext, *, binary: str, host: str, down_time_s: float
    ) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        hosts.delete_service(self._db, binary=binary, host=host, down_time_s=down_time_s)

    def report_nodes(self, context: RequestContext, *, nodes: Sequence[ComputeNode]) -> None:
        """Record what a host's nodes have."""
        hosts.report_nodes(self._db, nodes)

    def worker_started(
        self,
        context: RequestContext,
        *,
        service: str,
        host: str,
        number: int,
        owner: str,
        started_at: datetime.datetime,
    ) -> int:
        """Hand out what its predecessors left. Delivered twice: the second finds nothing."""
        if not semantics.is_durable():
            return 0
        left = operations.hand_out_of_worker(
            self._db,
            service=service,
            host=host,
            predecessors=f"{host}/{number}/",
            successor=owner,
            started_at=started_at,
            grace_s=0.0 if service == "compute" else SCHEDULING_GRACE_S,
        )
        if left:
            LOG.warning("%s on %s left %d operations behind", service, host, len(left))
        for instance in left:
            self._dispatcher.dispatch(instance)
        changes = (
            device_changes.hand_out_of_worker(
                self._db, host=host, predecessors=f"{host}/{number}/", successor=owner,
                started_at=started_at,
            )
            if service == "compute"
            else []
        )  # fmt: skip
        for instance, change in changes:
            self._dispatcher.dispatch_change(instance, change)
        return len(left) + len(changes)

    def note_progress(self, context: RequestContext, *, reports: Sequence[Progress]) -> list[str]:
        """Note it; a report of an older attempt changes nothing and is told so."""
        lost = operations.note_progress(self._db, reports)
        others = [report for report in reports if report.instance_uuid in lost]
        return device_changes.note_progress(self._db, others) if others else lost

    def compare_host(
        self,
        context: RequestContext,
        *,
        host: str,
        domains: Sequence[FoundDomain],
        seen_at: datetime.datetime,
    ) -> HostFindings:
        """Compare them. Delivered twice: the same findings."""
        return leftovers.compare_host(self._db, host=host, domains=domains, seen_at=seen_at)
