"""Writing application credentials, trusts and other credentials."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.delegation import ApplicationCredential, Credential, Trust
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.client import RpcClient, declare


class DelegationsAPI(RpcClient):
    """What identity asks of the conductor; ids are made by whoever asks."""

    TOPIC = "conductor"
    NAMESPACE = "delegations"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_application_credential(
        self, context: RequestContext, *, made: ApplicationCredential
    ) -> ApplicationCredential:
        """Record one. Raises Conflict when its user has one of this name."""
        return cast(
            ApplicationCredential,
            self.invoke(context, self.create_application_credential, made=made),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_application_credential(self, context: RequestContext, *, made_id: str) -> None:
        """Remove one. Raises NotFound, also when delivered twice."""
        self.invoke(context, self.delete_application_credential, made_id=made_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_trust(self, context: RequestContext, *, trust: Trust) -> Trust:
        """Record a trust."""
        return cast(Trust, self.invoke(context, self.create_trust, trust=trust))

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_trust(self, context: RequestContext, *, trust_id: str) -> None:
        """Remove a trust. Raises NotFound, also when delivered twice."""
        self.invoke(context, self.delete_trust, trust_id=trust_id)

    @declare("call", timeout_s=10, is_idempotent=False)
    def use_trust(self, context: RequestContext, *, trust_id: str) -> None:
        """Count a use of a trust whose uses are counted. Raises NotFound when none is left."""
        self.invoke(context, self.use_trust, trust_id=trust_id)

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_credential(self, context: RequestContext, *, credential: Credential) -> Credential:
        """Record a credential. Raises Conflict when the access key is taken."""
        return cast(Credential, self.invoke(context, self.create_credential, credential=credential))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_credential(
        self, context: RequestContext, *, credential_id: str, values: Json
    ) -> Credential:
        """Change a credential's columns. Raises NotFound."""
        return cast(
            Credential,
            self.invoke(
                context, self.update_credential, credential_id=credential_id, values=values
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_credential(self, context: RequestContext, *, credential_id: str) -> None:
        """Remove a credential. Raises NotFound, also when delivered twice."""
        self.invoke(context, self.delete_credential, credential_id=credential_id)
