"""Serves services.conductor.rpcapi.identity."""

from __future__ import annotations

import datetime

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Assignment, Project, Role, User
from devstack_lite.objects.registry import Json


class Identity:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="identity", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

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

    def grant_role(self, context: RequestContext, *, assignment: Assignment) -> None:
        """Record it. Delivered twice: the second changes nothing."""
        rows.grant_role(self._db, assignment)

    def revoke_role(self, context: RequestContext, *, assignment: Assignment) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.revoke_role(self._db, assignment)

    def revoke_token(
        self, context: RequestContext, *, audit_id: str, expires_at: datetime.datetime
    ) -> None:
        """Revoke it. Delivered twice: it stays revoked."""
        rows.revoke_token(self._db, audit_id=audit_id, expires_at=expires_at)
