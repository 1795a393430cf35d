"""The boot's interface: what the api, the scheduler and compute ask of the conductor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from devstack_lite.context import RequestContext
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
from devstack_lite.rpc.client import RpcClient, declare


class BuildsAPI(RpcClient):
    """Each method takes many instances: one request, or one moment, often brings many."""

    TOPIC = "conductor"
    NAMESPACE = "builds"

    @declare("call", timeout_s=20, is_idempotent=True)
    def create_instances(self, context: RequestContext, *, boot: BootRequest) -> list[Instance]:
        """Record the instances of a request, all or none. Raises QuotaExceeded. Step 4."""
        return cast("list[Instance]", self.invoke(context, self.create_instances, boot=boot))

    @declare("call", timeout_s=30, is_idempotent=True)
    def claim_nodes(
        self, context: RequestContext, *, wanted: Sequence[Claim], decision: Json | None = None
    ) -> list[ClaimAnswer]:
        """Record claims, and the decision behind them; what became of each, in order. Step 7."""
        return cast(
            "list[ClaimAnswer]",
            self.invoke(context, self.claim_nodes, wanted=list(wanted), decision=decision),
        )

    @declare("call", timeout_s=30, is_idempotent=True)
    def start_builds(
        self,
        context: RequestContext,
        *,
        host: str,
        owner: str,
        orders: Sequence[BuildOrder],
        steps: Json,
    ) -> Json:
        """Hand builds to owner on host, and record the steps up to here. Steps 9 to 11.

        Returns `instances`, those that are owner's to build, and `steps`, which holds the
        conductor's own step, still open.
        """
        return cast(
            Json,
            self.invoke(
                context,
                self.start_builds,
                host=host,
                owner=owner,
                orders=list(orders),
                steps=steps,
            ),
        )

    @declare("call", timeout_s=30, is_idempotent=True)
    def get_pci_devices(self, context: RequestContext, *, uuid: str, node: str) -> list[PciDevice]:
        """Return the PCI devices of a node that an instance's claim holds."""
        return cast(
            "list[PciDevice]", self.invoke(context, self.get_pci_devices, uuid=uuid, node=node)
        )

    @declare("call", timeout_s=30, is_idempotent=True)
    def reserve_boot_volume(
        self, context: RequestContext, *, uuid: str, attempt: int, volume_id: str
    ) -> bool:
        """Have a volume that no guest uses now reserved for its instance, to be written anew.

        False when another attempt has the instance.
        """
        return cast(
            bool,
            self.invoke(
                context, self.reserve_boot_volume, uuid=uuid, attempt=attempt, volume_id=volume_id
            ),
        )

    @declare("call", timeout_s=30, is_idempotent=True)
    def finish_builds(
        self, context: RequestContext, *, results: Sequence[BuildResult], availability_zone: str
    ) -> dict[str, str]:
        """Make built instances ACTIVE; a Verdict for each, of which all but `mine` say: undo."""
        return cast(
            "dict[str, str]",
            self.invoke(
                context,
                self.finish_builds,
                results=list(results),
                availability_zone=availability_zone,
            ),
        )

    @declare("call", timeout_s=30, is_idempotent=True)
    def judge_builds(
        self, context: RequestContext, *, results: Sequence[BuildResult]
    ) -> dict[str, str]:
        """Say for each failed build what of it may be undone: a Verdict."""
        return cast(
            "dict[str, str]", self.invoke(context, self.judge_builds, results=list(results))
        )

    @declare("call", timeout_s=30, is_idempotent=True)
    def fail_builds(
        self,
        context: RequestContext,
        *,
        results: Sequence[BuildResult],
        failed_host: str | None,
        decision: Json | None = None,
    ) -> None:
        """End failed builds: scheduled again, away from failed_host, or in ERROR with a fault.

        decision: the one that found no host for them, to be kept.
        """
        self.invoke(
            context,
            self.fail_builds,
            results=list(results),
            failed_host=failed_host,
            decision=decision,
        )
