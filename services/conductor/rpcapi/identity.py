"""Writing what identity changes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.identity import Assignment, Domain, Group, Policy, Project, Role, User
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


class IdentityAPI(RpcClient):
    """What identity asks of the conductor; ids are made by whoever asks."""

    TOPIC = "conductor"
    NAMESPACE = "identity"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_domain(self, context: RequestContext, *, domain: Domain) -> Domain:
        """Record a domain. Raises Conflict when the name is taken."""
        return cast(Domain, self.invoke(context, self.create_domain, domain=domain))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_domain(self, context: RequestContext, *, domain_id: str, values: Json) -> Domain:
        """Change a domain's columns. Raises NotFound, Conflict."""
        return cast(
            Domain, self.invoke(context, self.update_domain, domain_id=domain_id, values=values)
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_domain(self, context: RequestContext, *, domain_id: str) -> None:
        """Remove a domain and all in it. Raises NotFound, Forbidden unless it is disabled."""
        self.invoke(context, self.delete_domain, domain_id=domain_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_group(self, context: RequestContext, *, group: Group) -> Group:
        """Record a group. Raises Conflict when the name is taken in the domain."""
        return cast(Group, self.invoke(context, self.create_group, group=group))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_group(self, context: RequestContext, *, group_id: str, values: Json) -> Group:
        """Change a group's columns. Raises NotFound, Conflict."""
        return cast(
            Group, self.invoke(context, self.update_group, group_id=group_id, values=values)
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_group(self, context: RequestContext, *, group_id: str) -> None:
        """Remove a group; its members lose its roles. Raises NotFound."""
        self.invoke(context, self.delete_group, group_id=group_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def add_member(self, context: RequestContext, *, group_id: str, user_id: str) -> None:
        """Put a user into a group. Raises NotFound for what is not there."""
        self.invoke(context, self.add_member, group_id=group_id, user_id=user_id)

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def remove_member(self, context: RequestContext, *, group_id: str, user_id: str) -> None:
        """Take a user out of a group. Raises NotFound, also when delivered twice."""
        self.invoke(context, self.remove_member, group_id=group_id, user_id=user_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def imply_role(self, context: RequestContext, *, prior_id: str, implied_id: str) -> None:
        """Have whoever has a role have another, too. Raises NotFound, Forbidden."""
        self.invoke(context, self.imply_role, prior_id=prior_id, implied_id=implied_id)

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def unimply_role(self, context: RequestContext, *, prior_id: str, implied_id: str) -> None:
        """End a rule. Raises NotFound, also when delivered twice, Forbidden for a built-in one."""
        self.invoke(context, self.unimply_role, prior_id=prior_id, implied_id=implied_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_user(self, context: RequestContext, *, user: User) -> User:
        """Record a user. Raises Conflict when the name is taken in the domain."""
        return cast(User, self.invoke(context, self.create_user, user=user))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_user(self, context: RequestContext, *, user_id: str, values: Json) -> User:
        """Change a user's columns. Raises NotFound, Conflict."""
        return cast(User, self.invoke(context, self.update_user, user_id=user_id, values=values))

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_user(self, context: RequestContext, *, user_id: str) -> None:
        """Remove a user with what roles they have. Raises NotFound, also when delivered twice."""
        self.invoke(context, self.delete_user, user_id=user_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_project(self, context: RequestContext, *, project: Project) -> Project:
        """Record a project. Raises Conflict when the name is taken in the domain."""
        return cast(Project, self.invoke(context, self.create_project, project=project))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_project(self, context: RequestContext, *, project_id: str, values: Json) -> Project:
        """Change a project's columns. Raises NotFound, Conflict."""
        return cast(
            Project,
            self.invoke(context, self.update_project, project_id=project_id, values=values),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def change_project_tags(
        self,
        context: RequestContext,
        *,
        project_id: str,
        added: Sequence[str],
        removed: Sequence[str] | None,
    ) -> Project:
        """Take tags from a project, all of them for None, and give it others. Raises NotFound."""
        return cast(
            Project,
            self.invoke(
                context,
                self.change_project_tags,
                project_id=project_id,
                added=list(added),
                removed=None if removed is None else list(removed),
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_project(self, context: RequestContext, *, project_id: str) -> None:
        """Remove a project and the roles on it; what it owns elsewhere stays. Raises NotFound."""
        self.invoke(context, self.delete_project, project_id=project_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_role(self, context: RequestContext, *, role: Role) -> Role:
        """Record a role. Raises Conflict when the name is taken."""
        return cast(Role, self.invoke(context, self.create_role, role=role))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_role(self, context: RequestContext, *, role_id: str, values: Json) -> Role:
        """Change a role's columns. Raises NotFound, Conflict, Forbidden for a built-in one."""
        return cast(Role, self.invoke(context, self.update_role, role_id=role_id, values=values))

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_role(self, context: RequestContext, *, role_id: str) -> None:
        """Take a role from everybody and remove it. Raises NotFound, Forbidden."""
        self.invoke(context, self.delete_role, role_id=role_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_policy(self, context: RequestContext, *, policy: Policy) -> Policy:
        """Record a policy."""
        return cast(Policy, self.invoke(context, self.create_policy, policy=policy))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_policy(self, context: RequestContext, *, policy_id: str, values: Json) -> Policy:
        """Change a policy's columns. Raises NotFound."""
        return cast(
            Policy,
            self.invoke(context, self.update_policy, policy_id=policy_id, values=values),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_policy(self, context: RequestContext, *, policy_id: str) -> None:
        """Remove a policy. Raises NotFound, also when delivered twice."""
        self.invoke(context, self.delete_policy, policy_id=policy_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def grant_role(self, context: RequestContext, *, assignment: Assignment) -> None:
        """Give a user a role on a target. Raises NotFound for what is not there."""
        self.invoke(context, self.grant_role, assignment=assignment)

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def revoke_role(self, context: RequestContext, *, assignment: Assignment) -> None:
        """Take a role on a target from a user. Raises NotFound, also when delivered twice."""
        self.invoke(context, self.revoke_role, assignment=assignment)

    @declare("call", timeout_s=10, is_idempotent=True)
    def revoke_token(
        self, context: RequestContext, *, audit_id: str, expires_at: datetime.datetime
    ) -> None:
        """Refuse a token from now on; expires_at is when it would have ended."""
        self.invoke(context, self.revoke_token, audit_id=audit_id, expires_at=expires_at)
