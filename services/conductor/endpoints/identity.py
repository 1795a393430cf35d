"""Serves services.conductor.rpcapi.identity."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import grants, project_tree
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Assignment, Domain, Group, Policy, Project, Role, User
from devstack_lite.objects.registry import Json


class Identity:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="identity", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_domain(self, context: RequestContext, *, domain: Domain) -> Domain:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, domain)

    def update_domain(self, context: RequestContext, *, domain_id: str, values: Json) -> Domain:
        """Change it. Delivered twice: the same values again."""
        return rows.update(self._db, Domain, domain_id, values)

    def delete_domain(self, context: RequestContext, *, domain_id: str) -> None:
        """Remove it with what is in it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, Domain, domain_id)

    def create_group(self, context: RequestContext, *, group: Group) -> Group:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, group)

    def update_group(self, context: RequestContext, *, group_id: str, values: Json) -> Group:
        """Change it. Delivered twice: the same values again."""
        return rows.update(self._db, Group, group_id, values)

    def delete_group(self, context: RequestContext, *, group_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, Group, group_id)

    def add_member(self, context: RequestContext, *, group_id: str, user_id: str) -> None:
        """Record it. Delivered twice: the second changes nothing."""
        grants.add_member(self._db, group_id=group_id, user_id=user_id)

    def remove_member(self, context: RequestContext, *, group_id: str, user_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        grants.remove_member(self._db, group_id=group_id, user_id=user_id)

    def imply_role(self, context: RequestContext, *, prior_id: str, implied_id: str) -> None:
        """Record it. Delivered twice: the second changes nothing."""
        grants.imply_role(self._db, prior_id=prior_id, implied_id=implied_id)

    def unimply_role(self, context: RequestContext, *, prior_id: str, implied_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        grants.unimply_role(self._db, prior_id=prior_id, implied_id=implied_id)

    def create_user(self, context: RequestContext, *, user: User) -> User:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, user)

    def update_user(self, context: RequestContext, *, user_id: str, values: Json) -> User:
        """Change it. Delivered twice: the same values again."""
        return rows.update(self._db, User, user_id, values)

    def delete_user(self, context: RequestContext, *, user_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, User, user_id)

    def create_project(self, context: RequestContext, *, project: Project) -> Project:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, project)

    def update_project(self, context: RequestContext, *, project_id: str, values: Json) -> Project:
        """Change it. Delivered twice: the same values again."""
        return rows.update(self._db, Project, project_id, values)

    def change_project_tags(
        self,
        context: RequestContext,
        *,
        project_id: str,
        added: Sequence[str],
        removed: Sequence[str] | None,
    ) -> Project:
        """Change them. Delivered twice: the same again."""
        return project_tree.change_tags(self._db, project_id, added=added, removed=removed)

    def delete_project(self, context: RequestContext, *, project_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, Project, project_id)

    def create_role(self, context: RequestContext, *, role: Role) -> Role:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, role)

    def update_role(self, context: RequestContext, *, role_id: str, values: Json) -> Role:
        """Change it. Delivered twice: the same values again."""
        return rows.update(self._db, Role, role_id, values)

    def delete_role(self, context: RequestContext, *, role_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, Role, role_id)

    def create_policy(self, context: RequestContext, *, policy: Policy) -> Policy:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, policy)

    def update_policy(self, context: RequestContext, *, policy_id: str, values: Json) -> Policy:
        """Change it. Delivered twice: the same values again."""
        return rows.update(self._db, Policy, policy_id, values)

    def delete_policy(self, context: RequestContext, *, policy_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, Policy, policy_id)

    def grant_role(self, context: RequestContext, *, assignment: Assignment) -> None:
        """Record it. Delivered twice: the second changes nothing."""
        grants.grant_role(self._db, assignment)

    def revoke_role(self, context: RequestContext, *, assignment: Assignment) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        grants.revoke_role(self._db, assignment)

    def revoke_token(
        self, context: RequestContext, *, audit_id: str, expires_at: datetime.datetime
    ) -> None:
        """Revoke it. Delivered twice: it stays revoked."""
        grants.revoke_token(self._db, audit_id=audit_id, expires_at=expires_at)
