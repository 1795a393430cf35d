"""Serves services.conductor.rpcapi.identity."""

from __future__ import annotations

import datetime

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import identity
from devstack_lite.db.engine import Database


class Identity:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="identity", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def revoke_token(
        self, context: RequestContext, *, audit_id: str, expires_at: datetime.datetime
    ) -> None:
        """Revoke it. Delivered twice: it stays revoked."""
        identity.revoke_token(self._db, audit_id=audit_id, expires_at=expires_at)
