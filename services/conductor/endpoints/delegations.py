"""Serves services.conductor.rpcapi.delegations."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import delegations as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.delegation import ApplicationCredential, Credential, Trust
from devstack_lite.objects.registry import Json


class Delegations:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="delegations", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_application_credential(
        self, context: RequestContext, *, made: ApplicationCredential
    ) -> ApplicationCredential:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, made)

    def delete_application_credential(self, context: RequestContext, *, made_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, ApplicationCredential, made_id)

    def create_trust(self, context: RequestContext, *, trust: Trust) -> Trust:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, trust)

    def delete_trust(self, context: RequestContext, *, trust_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, Trust, trust_id)

    def use_trust(self, context: RequestContext, *, trust_id: str) -> None:
        """Count a use. Delivered twice: two uses, as two tokens would be."""
        rows.use_trust(self._db, trust_id)

    def create_credential(self, context: RequestContext, *, credential: Credential) -> Credential:
        """Record it. Delivered twice: answers the same."""
        return rows.create(self._db, credential)

    def update_credential(
        self, context: RequestContext, *, credential_id: str, values: Json
    ) -> Credential:
        """Change it. Delivered twice: the same values again."""
        return rows.update_credential(self._db, credential_id, values)

    def delete_credential(self, context: RequestContext, *, credential_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        rows.delete(self._db, Credential, credential_id)
