"""Writing flavors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import Flavor
from devstack_lite.rpc.client import RpcClient, declare


class FlavorsAPI(RpcClient):
    """What the api asks of the conductor about flavors."""

    TOPIC = "conductor"
    NAMESPACE = "flavors"

    @declare("call", timeout_s=10, is_idempotent=False)
    def create_flavor(self, context: RequestContext, *, flavor: Flavor) -> Flavor:
        """Record a flavor. Raises Conflict when its name or id is taken."""
        return cast(Flavor, self.invoke(context, self.create_flavor, flavor=flavor))

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_flavor(self, context: RequestContext, *, flavor_id: str) -> None:
        """Remove a flavor. Raises NotFound, also when it was delivered twice."""
        self.invoke(context, self.delete_flavor, flavor_id=flavor_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def describe_flavor(
        self, context: RequestContext, *, flavor_id: str, description: str | None
    ) -> Flavor:
        """Change what is said of a flavor. Raises NotFound."""
        answer = self.invoke(
            context, self.describe_flavor, flavor_id=flavor_id, description=description
        )
        return cast(Flavor, answer)

    @declare("call", timeout_s=10, is_idempotent=True)
    def set_extra_specs(
        self, context: RequestContext, *, flavor_id: str, specs: Mapping[str, str | None]
    ) -> dict[str, str]:
        """Merge extra specs into a flavor's; None removes a key. Raises NotFound."""
        answer = self.invoke(context, self.set_extra_specs, flavor_id=flavor_id, specs=dict(specs))
        return cast("dict[str, str]", answer)

    @declare("call", timeout_s=10, is_idempotent=False)
    def add_flavor_access(
        self, context: RequestContext, *, flavor_id: str, project_id: str
    ) -> list[str]:
        """Let a project use a private flavor; all that may. Raises NotFound, Conflict."""
        answer = self.invoke(
            context, self.add_flavor_access, flavor_id=flavor_id, project_id=project_id
        )
        return cast("list[str]", answer)

    @declare("call", timeout_s=10, is_idempotent=False)
    def remove_flavor_access(
        self, context: RequestContext, *, flavor_id: str, project_id: str
    ) -> list[str]:
        """Have a project use it no more; those that still may. Raises NotFound."""
        answer = self.invoke(
            context, self.remove_flavor_access, flavor_id=flavor_id, project_id=project_id
        )
        return cast("list[str]", answer)
