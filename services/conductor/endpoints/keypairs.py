"""Serves services.conductor.rpcapi.keypairs."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import keypairs
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Keypair


class Keypairs:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="keypairs", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_keypair(self, context: RequestContext, *, keypair: Keypair, limit: int) -> Keypair:
        """Record it. Delivered twice: the second is a Conflict."""
        return keypairs.create_keypair(self._db, keypair=keypair, limit=limit)

    def delete_keypair(self, context: RequestContext, *, user_id: str, name: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        keypairs.delete_keypair(self._db, user_id=user_id, name=name)
