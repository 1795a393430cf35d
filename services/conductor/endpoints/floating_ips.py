"""Serves services.conductor.rpcapi.floating_ips."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import floating_ips as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.registry import Json
from devstack_lite.objects.routing import FloatingIp


class FloatingIps:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="floating_ips", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_floating_ip(self, context: RequestContext, *, floating_ip: FloatingIp) -> FloatingIp:
        """Take it. Delivered twice: answers the same, no second address is taken."""
        return rows.create_floating_ip(self._db, floating_ip)

    def update_floating_ip(
        self, context: RequestContext, *, floating_ip_id: str, values: Json
    ) -> FloatingIp:
        """Change it. Delivered twice: the same values again."""
        return rows.update_floating_ip(self._db, floating_ip_id, values)

    def delete_floating_ip(self, context: RequestContext, *, floating_ip_id: str) -> None:
        """Give it back. Delivered twice: the second is NotFound."""
        rows.delete_floating_ip(self._db, floating_ip_id)
