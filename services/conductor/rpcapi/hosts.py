"""Signs of life, and what hosts have."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import (
    ComputeNode,
    FoundDomain,
    HostFindings,
    Progress,
    ServiceRecord,
)
from devstack_lite.rpc.client import RpcClient, declare


class HostsAPI(RpcClient):
    """What every service tells the conductor of itself."""

    TOPIC = "conductor"
    NAMESPACE = "hosts"

    @declare("call", timeout_s=10, is_idempotent=True)
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
        """Enable, disable or force down a service; None leaves as it is. Raises NotFound."""
        return cast(
            ServiceRecord,
            self.invoke(
                context, self.update_service, binary=binary, host=host, is_disabled=is_disabled,
                disabled_reason=disabled_reason, is_forced_down=is_forced_down,
            ),
        )  # fmt: skip

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_service(
        self, context: RequestContext, *, binary: str, host: str, down_time_s: float
    ) -> None:
        """Remove a service that is down and has no instances. Raises NotFound, Conflict."""
        self.invoke(context, self.delete_service, binary=binary, host=host, down_time_s=down_time_s)

    @declare("call", timeout_s=5, is_idempotent=True)
    def report_service(
        self, context: RequestContext, *, binary: str, host: str, topic: str, availability_zone: str
    ) -> None:
        """Note a sign of life; the first one records the service."""
        self.invoke(
            context,
            self.report_service,
            binary=binary,
            host=host,
            topic=topic,
            availability_zone=availability_zone,
        )

    @declare("call", timeout_s=60, is_idempotent=True)
    def report_nodes(self, context: RequestContext, *, nodes: Sequence[ComputeNode]) -> None:
        """Record what a host's nodes have; at most a few hundred of them in a message."""
        self.invoke(context, self.report_nodes, nodes=list(nodes))

    @declare("call", timeout_s=20, is_idempotent=True)
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
        """Have what earlier workers of that number left behind handed out again, at once.

        owner: the worker that is there now, since started_at. Returns how many operations that
        were.
        """
        return cast(
            int,
            self.invoke(
                context,
                self.worker_started,
                service=service,
                host=host,
                number=number,
                owner=owner,
                started_at=started_at,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def note_progress(self, context: RequestContext, *, reports: Sequence[Progress]) -> list[str]:
        """Say that these operations are still in hand; returns those that are not one's own."""
        return cast("list[str]", self.invoke(context, self.note_progress, reports=list(reports)))

    @declare("call", timeout_s=60, is_idempotent=True)
    def compare_host(
        self,
        context: RequestContext,
        *,
        host: str,
        domains: Sequence[FoundDomain],
        seen_at: datetime.datetime,
    ) -> HostFindings:
        """Compare a host's domains with its instances; returns what the host must put right."""
        return cast(
            HostFindings,
            self.invoke(
                context, self.compare_host, host=host, domains=list(domains), seen_at=seen_at
            ),
        )
