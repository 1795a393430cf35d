"""What a compute host is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import BuildOrder, Instance
from devstack_lite.objects.device import DeviceChange
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


class ComputeAPI(RpcClient):
    """What changes something for long is a cast: what it asks for stands in a row."""

    TOPIC = "compute"

    @declare("cast", is_idempotent=True)
    def build_instances(
        self,
        context: RequestContext,
        *,
        host: str,
        orders: Sequence[BuildOrder],
        steps: Json,
    ) -> None:
        """Build instances that are claimed on host's nodes. Step 8 and what follows.

        steps: what is recorded so far; all these orders share it.
        """
        self.invoke(
            context,
            self.build_instances,
            rpc_server=host,
            host=host,
            orders=list(orders),
            steps=steps,
        )

    @declare("cast", is_idempotent=True, gathers=True)
    def run_operation(self, context: RequestContext, *, host: str, instance: Instance) -> None:
        """Carry out what instance.operation says: delete, stop, start, reboot and so on."""
        self.invoke(context, self.run_operation, rpc_server=host, host=host, instance=instance)

    @declare("cast", is_idempotent=True)
    def change_device(
        self, context: RequestContext, *, host: str, instance: Instance, change: DeviceChange
    ) -> None:
        """Attach or detach a volume or a port, as change says; it stands in a row of its own."""
        self.invoke(
            context,
            self.change_device,
            rpc_server=host,
            host=host,
            instance=instance,
            change=change,
        )

    @declare("call", timeout_s=20, is_idempotent=True)
    def get_diagnostics(self, context: RequestContext, *, host: str, instance: Instance) -> Json:
        """Return a running guest's figures. Raises NotFound, InstanceInvalidState."""
        return cast(
            Json,
            self.invoke(
                context, self.get_diagnostics, rpc_server=host, host=host, instance=instance
            ),
        )

    @declare("call", timeout_s=20, is_idempotent=True)
    def get_console_output(
        self, context: RequestContext, *, host: str, instance: Instance, length: int | None = None
    ) -> str:
        """Return the last length lines of a guest's console, or all. Raises NotFound."""
        return cast(
            str,
            self.invoke(
                context,
                self.get_console_output,
                rpc_server=host,
                host=host,
                instance=instance,
                length=length,
            ),
        )

    @declare("call", timeout_s=20, is_idempotent=True)
    def get_console_port(
        self, context: RequestContext, *, host: str, instance: Instance, display: str
    ) -> int:
        """Return the port of a running guest's display (vnc, spice).

        Raises NotFound, Conflict when it does not run, Invalid when it has none of that kind.
        """
        return cast(
            int,
            self.invoke(
                context, self.get_console_port, rpc_server=host, host=host, instance=instance,
                display=display,
            ),
        )  # fmt: skip

    @declare("call", timeout_s=20, is_idempotent=True)
    def set_admin_password(
        self, context: RequestContext, *, host: str, instance: Instance, password: str
    ) -> None:
        """Set the administrator's password in a guest. Raises NotFound, InstanceInvalidState."""
        self.invoke(
            context,
            self.set_admin_password,
            rpc_server=host,
            host=host,
            instance=instance,
            password=password,
        )

    @declare("call", timeout_s=30, is_idempotent=True)
    def volume_snapshot_create(
        self,
        context: RequestContext,
        *,
        host: str,
        instance: Instance,
        volume_id: str,
        create_info: Json,
    ) -> None:
        """Have a guest's volume go on in create_info's new_file, and the volume service told.

        A call, unlike Nova's: nothing else remembers what was asked. What fails for good is told
        to the volume service alone; raises Unavailable when it is unknown what became of it.
        """
        self.invoke(
            context,
            self.volume_snapshot_create,
            rpc_server=host,
            host=host,
            instance=instance,
            volume_id=volume_id,
            create_info=create_info,
        )

    @declare("call", timeout_s=30, is_idempotent=True)
    def volume_snapshot_delete(
        self,
        context: RequestContext,
        *,
        host: str,
        instance: Instance,
        snapshot_id: str,
        delete_info: Json,
    ) -> None:
        """Have files of the volume that delete_info names merged, likewise."""
        self.invoke(
            context,
            self.volume_snapshot_delete,
            rpc_server=host,
            host=host,
            instance=instance,
            snapshot_id=snapshot_id,
            delete_info=delete_info,
        )

    @declare("call", timeout_s=60, is_idempotent=True)
    def cache_images(
        self, context: RequestContext, *, host: str, image_ids: Sequence[str]
    ) -> dict[str, str]:
        """Have a host keep images; what became of each: cached, existing, error, unsupported."""
        return cast(
            "dict[str, str]",
            self.invoke(
                context, self.cache_images, rpc_server=host, host=host, image_ids=list(image_ids)
            ),
        )

    @declare("call", timeout_s=60, is_idempotent=True)
    def power_off_guest(
        self, context: RequestContext, *, host: str, node: str, uuid: str, attempt: int
    ) -> None:
        """Have a guest off that this attempt takes elsewhere, gently; none is a success.

        Raises Unavailable, and nothing was done, when another attempt has the instance.
        """
        self.invoke(
            context, self.power_off_guest, rpc_server=host, host=host, node=node, uuid=uuid,
            attempt=attempt,
        )  # fmt: skip

    @declare("call", timeout_s=30, is_idempotent=True)
    def remove_guest(
        self, context: RequestContext, *, host: str, node: str, uuid: str, attempt: int
    ) -> None:
        """Have no such guest on a node; none is a success. Raises Unavailable likewise."""
        self.invoke(
            context, self.remove_guest, rpc_server=host, host=host, node=node, uuid=uuid,
            attempt=attempt,
        )  # fmt: skip

    @declare("call", timeout_s=10, is_idempotent=True)
    def end_live_migration(
        self, context: RequestContext, *, host: str, node: str, uuid: str, is_abort: bool
    ) -> None:
        """Have the guest that leaves host stay, or arrive at once. Raises Conflict."""
        self.invoke(
            context, self.end_live_migration, rpc_server=host, host=host, node=node, uuid=uuid,
            is_abort=is_abort,
        )  # fmt: skip
