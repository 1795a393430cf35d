"""Application credentials, trusts and other credentials as identity shows them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from devstack_lite.clock import to_micro
from devstack_lite.objects.delegation import ApplicationCredential, Credential, Trust
from devstack_lite.objects.identity import Role

Json = dict[str, Any]


def application_credential(
    one: ApplicationCredential, roles: Iterable[Role], base_url: str
) -> Json:
    """Return an application credential, without its secret."""
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "user_id": one.user_id,
        "project_id": one.project_id,
        "system": None,
        "roles": [{"id": role.id, "name": role.name, "domain_id": None} for role in roles],
        "expires_at": to_micro(one.expires_at),
        "unrestricted": one.unrestricted,
        "links": {"self": f"{base_url}/users/{one.user_id}/application_credentials/{one.id}"},
    }


def trust(one: Trust, roles: Iterable[Role], base_url: str) -> Json:
    """Return a trust."""
    own = f"{base_url}/OS-TRUST/trusts/{one.id}"
    expires = to_micro(one.expires_at)
    return {
        "id": one.id,
        "trustor_user_id": one.trustor_user_id,
        "trustee_user_id": one.trustee_user_id,
        "project_id": one.project_id,
        "impersonation": one.impersonation,
        "expires_at": f"{expires}Z" if expires else None,
        "remaining_uses": one.remaining_uses,
        "redelegation_count": 0,
        "redelegated_trust_id": None,
        "deleted_at": None,
        "roles": [role_of_trust(role, base_url) for role in roles],
        "roles_links": {"self": f"{own}/roles", "previous": None, "next": None},
        "links": {"self": own},
    }


def role_of_trust(role: Role, base_url: str) -> Json:
    """Return a role that is lent."""
    link = f"{base_url}/roles/{role.id}"
    return {"id": role.id, "name": role.name, "domain_id": None, "links": {"self": link}}


def credential(one: Credential, base_url: str) -> Json:
    """Return a credential with its secret, which is what it is kept for."""
    return {
        "id": one.id,
        "type": one.type,
        "blob": one.blob,
        "user_id": one.user_id,
        "project_id": one.project_id,
        "links": {"self": f"{base_url}/credentials/{one.id}"},
    }


def ec2(one: Credential, base_url: str) -> Json:
    """Return an access key of EC2's kind."""
    blob = json.loads(one.blob)
    link = f"{base_url}/users/{one.user_id}/credentials/OS-EC2/{blob['access']}"
    return {
        "user_id": one.user_id,
        "tenant_id": one.project_id,
        "access": blob["access"],
        "secret": blob.get("secret"),
        "trust_id": None,
        "links": {"self": link},
    }
