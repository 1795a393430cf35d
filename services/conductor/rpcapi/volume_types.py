"""Writing volume types."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume_type import VolumeType
from devstack_lite.rpc.client import RpcClient, declare


class VolumeTypesAPI(RpcClient):
    """What the volume service asks of the conductor. Who may do it was decided there."""

    TOPIC = "conductor"
    NAMESPACE = "volume_types"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_type(self, context: RequestContext, *, volume_type: VolumeType) -> VolumeType:
        """Record a type under the id it brings. Raises Conflict."""
        return cast(VolumeType, self.invoke(context, self.create_type, volume_type=volume_type))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_type(self, context: RequestContext, *, type_id: str, values: Json) -> VolumeType:
        """Set name, description or is_public. Raises NotFound, Invalid, Conflict."""
        return cast(
            VolumeType, self.invoke(context, self.update_type, type_id=type_id, values=values)
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_type(self, context: RequestContext, *, type_id: str) -> None:
        """Remove a type. Raises NotFound, also when it was delivered twice; Forbidden, Invalid."""
        self.invoke(context, self.delete_type, type_id=type_id)

    @declare("call", timeout_s=10, is_idempotent=False)
    def update_extra_specs(
        self, context: RequestContext, *, type_id: str, items: dict[str, str], removed: list[str]
    ) -> VolumeType:
        """Change the extra specs. Raises NotFound, for keys removed twice, too."""
        return cast(
            VolumeType,
            self.invoke(
                context, self.update_extra_specs, type_id=type_id, items=items, removed=removed
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=False)
    def add_access(self, context: RequestContext, *, type_id: str, project_id: str) -> None:
        """Let a project use a type. Raises NotFound, Conflict, also when delivered twice."""
        self.invoke(context, self.add_access, type_id=type_id, project_id=project_id)

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def remove_access(self, context: RequestContext, *, type_id: str, project_id: str) -> None:
        """Take a type from a project. Raises Conflict; NotFound, also when delivered twice."""
        self.invoke(context, self.remove_access, type_id=type_id, project_id=project_id)
