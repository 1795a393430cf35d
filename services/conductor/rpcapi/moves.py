"""What moves an instance to another node."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import Flavor, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


class MovesAPI(RpcClient):
    """Each is begun and handed out by the conductor."""

    TOPIC = "conductor"
    NAMESPACE = "moves"

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_resize(
        self,
        context: RequestContext,
        *,
        uuid: str,
        flavor: Flavor | None,
        target_host: str | None = None,
        may_stay_on_host: bool = False,
        auto_disk_config: bool | None = None,
    ) -> Instance:
        """Begin a resize to flavor, or with none a cold migration, to target_host if given.

        Raises NotFound, InstanceIsLocked, InstanceInvalidState, QuotaExceeded.
        """
        return cast(
            Instance,
            self.invoke(
                context,
                self.begin_resize,
                uuid=uuid,
                flavor=flavor,
                target_host=target_host,
                may_stay_on_host=may_stay_on_host,
                auto_disk_config=auto_disk_config,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_confirm(self, context: RequestContext, *, uuid: str) -> Instance:
        """Let go of where a resized instance was.

        Raises NotFound, InstanceIsLocked, InstanceInvalidState, Invalid.
        """
        return cast(Instance, self.invoke(context, self.begin_confirm, uuid=uuid))

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_revert(self, context: RequestContext, *, uuid: str) -> Instance:
        """Bring a resized instance back.

        Raises NotFound, InstanceIsLocked, InstanceInvalidState, Invalid.
        """
        return cast(Instance, self.invoke(context, self.begin_revert, uuid=uuid))

    @declare("call", timeout_s=10, is_idempotent=True)
    def is_under_way(self, context: RequestContext, *, uuid: str, attempt: int) -> bool:
        """Say whether this attempt still has the instance: what it asks of others may be done."""
        return cast(bool, self.invoke(context, self.is_under_way, uuid=uuid, attempt=attempt))

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_offload(self, context: RequestContext, *, uuid: str) -> Instance:
        """Take a shelved instance from its host.

        Raises NotFound, InstanceIsLocked, InstanceInvalidState.
        """
        return cast(Instance, self.invoke(context, self.begin_offload, uuid=uuid))

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_unshelve(
        self,
        context: RequestContext,
        *,
        uuid: str,
        target_host: str | None = None,
        zone: str | None = None,
        is_zone_given: bool = False,
    ) -> Instance:
        """Build an offloaded instance again; is_zone_given: it is pinned to zone from now on.

        Raises NotFound, InstanceIsLocked, InstanceInvalidState.
        """
        return cast(
            Instance,
            self.invoke(
                context,
                self.begin_unshelve,
                uuid=uuid,
                target_host=target_host,
                zone=zone,
                is_zone_given=is_zone_given,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_live_migration(
        self, context: RequestContext, *, uuid: str, target_host: str | None = None
    ) -> Instance:
        """Begin a live migration, to target_host if given.

        Raises NotFound, InstanceIsLocked, InstanceInvalidState.
        """
        return cast(
            Instance,
            self.invoke(context, self.begin_live_migration, uuid=uuid, target_host=target_host),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def note_live_progress(
        self, context: RequestContext, *, uuid: str, attempt: int, progress: Json
    ) -> str:
        """Note how much of a live migration is over: bytes by kind, as the API shows them.

        Returns how a user has wished it to end since: abort, force_complete, or nothing.
        """
        answer = self.invoke(
            context, self.note_live_progress, uuid=uuid, attempt=attempt, progress=progress
        )
        return cast(str, answer)

    @declare("call", timeout_s=10, is_idempotent=True)
    def note_live_end(self, context: RequestContext, *, uuid: str, wish: str) -> None:
        """Note that a live migration shall end: abort or force_complete.

        Raises NotFound, Conflict when the guest is not on its way.
        """
        self.invoke(context, self.note_live_end, uuid=uuid, wish=wish)
