"""Serves services.conductor.rpcapi.security_groups."""

from __future__ import annotations

from collections.abc import Sequence

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import port_groups
from devstack_lite.db import security_groups as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.registry import Json
from devstack_lite.objects.security import SecurityGroup, SecurityGroupRule


class SecurityGroups:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="security_groups", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def ensure_default_group(self, context: RequestContext, *, project_id: str) -> None:
        """Make it unless it is there. Delivered twice: it is there."""
        rows.ensure_default(self._db, project_id)

    def create_group(self, context: RequestContext, *, group: SecurityGroup) -> SecurityGroup:
        """Record it. Delivered twice: answers the same."""
        return rows.create_group(self._db, group)

    def update_group(
        self, context: RequestContext, *, group_id: str, values: Json
    ) -> SecurityGroup:
        """Change it. Delivered twice: the same values again."""
        return rows.update_group(self._db, group_id, values)

    def delete_group(self, context: RequestContext, *, group_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete_group(self._db, group_id)

    def create_rules(
        self, context: RequestContext, *, rules: Sequence[SecurityGroupRule]
    ) -> list[SecurityGroupRule]:
        """Record them. Delivered twice: answers the same."""
        return rows.create_rules(self._db, rules)

    def delete_rule(self, context: RequestContext, *, rule_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete_rule(self._db, rule_id)

    def add_to_server(self, context: RequestContext, *, instance_uuid: str, group_id: str) -> None:
        """Put its ports in. Delivered twice: they are in."""
        port_groups.add_to_server(self._db, instance_uuid, group_id)

    def remove_from_server(
        self, context: RequestContext, *, instance_uuid: str, group_id: str
    ) -> None:
        """Take its ports out. Delivered twice: the second is NotFound."""
        port_groups.remove_from_server(self._db, instance_uuid, group_id)
