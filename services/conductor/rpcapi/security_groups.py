"""Writing security groups, their rules, and which servers are in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.objects.security import SecurityGroup, SecurityGroupRule
from devstack_lite.rpc.client import RpcClient, declare


class SecurityGroupsAPI(RpcClient):
    """What network and api ask of the conductor; ids are made by whoever asks."""

    TOPIC = "conductor"
    NAMESPACE = "security_groups"

    @declare("call", timeout_s=10, is_idempotent=True)
    def ensure_default_group(self, context: RequestContext, *, project_id: str) -> None:
        """Make a project's default group unless it is there."""
        self.invoke(context, self.ensure_default_group, project_id=project_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_group(self, context: RequestContext, *, group: SecurityGroup) -> SecurityGroup:
        """Record a group, which gets its first rules. Raises Conflict."""
        return cast(SecurityGroup, self.invoke(context, self.create_group, group=group))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_group(
        self, context: RequestContext, *, group_id: str, values: Json
    ) -> SecurityGroup:
        """Change a group. Raises NotFound, Conflict."""
        return cast(
            SecurityGroup,
            self.invoke(context, self.update_group, group_id=group_id, values=values),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_group(self, context: RequestContext, *, group_id: str) -> None:
        """Remove a group. Raises NotFound, Conflict while a port is in it."""
        self.invoke(context, self.delete_group, group_id=group_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_rules(
        self, context: RequestContext, *, rules: Sequence[SecurityGroupRule]
    ) -> list[SecurityGroupRule]:
        """Record rules, all or none. Raises NotFound, Conflict for one that is there."""
        return cast(
            "list[SecurityGroupRule]", self.invoke(context, self.create_rules, rules=list(rules))
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_rule(self, context: RequestContext, *, rule_id: str) -> None:
        """Remove a rule. Raises NotFound."""
        self.invoke(context, self.delete_rule, rule_id=rule_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def add_to_server(self, context: RequestContext, *, instance_uuid: str, group_id: str) -> None:
        """Put a server's ports into a group. Raises NotFound, Invalid when it has none."""
        self.invoke(context, self.add_to_server, instance_uuid=instance_uuid, group_id=group_id)

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def remove_from_server(
        self, context: RequestContext, *, instance_uuid: str, group_id: str
    ) -> None:
        """Take a server's ports out of a group. Raises NotFound when none is in it."""
        self.invoke(
            context, self.remove_from_server, instance_uuid=instance_uuid, group_id=group_id
        )
