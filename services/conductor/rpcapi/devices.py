"""Volumes and ports that go to an instance that exists, or leave it."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import NetworkRequest
from devstack_lite.objects.device import DeviceChange
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import VolumeAttachment
from devstack_lite.rpc.client import RpcClient, declare


class DevicesAPI(RpcClient):
    """A change begins and ends here; in between it is the host's of its instance."""

    TOPIC = "conductor"
    NAMESPACE = "devices"

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_attach_volume(
        self,
        context: RequestContext,
        *,
        uuid: str,
        change_id: str,
        attachment: VolumeAttachment,
        tag: str | None = None,
    ) -> DeviceChange:
        """Reserve a volume for an instance, and note that it shall be attached.

        The change says in `device` where it will probably be. Raises NotFound, Invalid, Forbidden,
        InstanceInvalidState.
        """
        return cast(
            DeviceChange,
            self.invoke(
                context,
                self.begin_attach_volume,
                uuid=uuid,
                change_id=change_id,
                attachment=attachment,
                tag=tag,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_detach_volume(
        self, context: RequestContext, *, uuid: str, change_id: str, volume_id: str
    ) -> DeviceChange:
        """Mark a volume detaching, and note that it shall leave the instance.

        Raises NotFound, Invalid, InstanceInvalidState.
        """
        return cast(
            DeviceChange,
            self.invoke(
                context,
                self.begin_detach_volume,
                uuid=uuid,
                change_id=change_id,
                volume_id=volume_id,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def keep_volume(
        self, context: RequestContext, *, uuid: str, volume_id: str, is_kept: bool
    ) -> None:
        """Have a volume stay, or go, when its instance is deleted. Raises NotFound."""
        self.invoke(context, self.keep_volume, uuid=uuid, volume_id=volume_id, is_kept=is_kept)

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_attach_interface(
        self, context: RequestContext, *, uuid: str, change_id: str, request: NetworkRequest
    ) -> DeviceChange:
        """Note that an instance shall have a port: the one named, or one to be made.

        device_id of the change is the port's id. Raises NotFound, Conflict, Invalid,
        InstanceInvalidState.
        """
        return cast(
            DeviceChange,
            self.invoke(
                context,
                self.begin_attach_interface,
                uuid=uuid,
                change_id=change_id,
                request=request,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def begin_detach_interface(
        self, context: RequestContext, *, uuid: str, change_id: str, port_id: str
    ) -> DeviceChange:
        """Note that a port shall leave an instance.

        Raises NotFound, Conflict, InstanceInvalidState.
        """
        return cast(
            DeviceChange,
            self.invoke(
                context,
                self.begin_detach_interface,
                uuid=uuid,
                change_id=change_id,
                port_id=port_id,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def finish_change(
        self,
        context: RequestContext,
        *,
        change_id: str,
        attempt: int,
        result: Json,
        error: str | None = None,
    ) -> bool:
        """End a change; False when it is not this attempt's to end.

        result: of an attach its `device` or `port`; error: why it failed.
        """
        return cast(
            bool,
            self.invoke(
                context,
                self.finish_change,
                change_id=change_id,
                attempt=attempt,
                result=result,
                error=error,
            ),
        )
