"""Tokens, users and projects as identity shows them."""

from __future__ import annotations

from typing import Any

from devstack_lite.clock import from_epoch
from devstack_lite.db.identity import BUILT_IN_ROLES
from devstack_lite.objects.identity import Domain, Group, Policy, Project, Role, Standing, User
from services.identity.catalog import Catalog
from services.identity.tokens import Token

Json = dict[str, Any]


def _time(seconds: float) -> str:
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _named(one: Domain | Project) -> Json:
    return {"id": one.id, "name": one.name}


def token(said: Token, standing: Standing, catalog: Catalog | None) -> Json:
    """Return the `token` object of v3; no catalog when None is given."""
    shown: Json = {
        "methods": list(said.methods),
        "user": {
            "id": standing.user.id,
            "name": standing.user.name,
            "domain": _named(standing.user_domain),
            "password_expires_at": None,
        },
        "audit_ids": list(said.audit_ids),
        "issued_at": _time(said.issued_at),
        "expires_at": _time(said.expires_at),
    }
    project = standing.project
    by = standing.application_credential
    if by is not None:
        restricted = not by.unrestricted
        shown["application_credential"] = {"id": by.id, "name": by.name, "restricted": restricted}
    if standing.trust is not None:
        shown["OS-TRUST:trust"] = {
            "id": standing.trust.id,
            "impersonation": standing.trust.impersonation,
            "trustor_user": {"id": standing.trust.trustor_user_id},
            "trustee_user": {"id": standing.trust.trustee_user_id},
        }
    if said.scope.is_system:
        shown["system"] = {"all": True}
    if standing.domain is not None:
        shown["domain"] = _named(standing.domain)
    if project is not None and standing.project_domain is not None:
        shown["project"] = {**_named(project), "domain": _named(standing.project_domain)}
        shown["is_domain"] = False
    if said.scope.target_id is not None:
        shown["roles"] = [{"id": role.id, "name": role.name} for role in standing.roles]
        if catalog is not None:
            shown["catalog"] = catalog.view(project.id if project is not None else None)
    return shown


def token_v2(sealed: str, said: Token, standing: Standing, catalog: Catalog) -> Json:
    """Return the `access` object of v2.0."""
    project = standing.project
    shown: Json = {"id": sealed, "expires": _time(said.expires_at), "issued_at":
                   _time(said.issued_at), "audit_ids": list(said.audit_ids)}  # fmt: skip
    if project is not None:
        shown["tenant"] = {
            "id": project.id,
            "name": project.name,
            "enabled": project.enabled,
            "description": project.description,
        }
    return {
        "token": shown,
        "serviceCatalog": catalog.view_v2(project.id if project is not None else None),
        "user": {
            "id": standing.user.id,
            "name": standing.user.name,
            "username": standing.user.name,
            "roles": [{"name": role.name} for role in standing.roles],
            "roles_links": [],
        },
        "metadata": {"is_admin": 0, "roles": [role.id for role in standing.roles]},
    }


def user(one: User, base_url: str) -> Json:
    """Return a user, without what is secret."""
    return {
        **(one.extra or {}),
        "id": one.id,
        "name": one.name,
        "domain_id": one.domain_id,
        "enabled": one.enabled,
        "default_project_id": one.default_project_id,
        "email": one.email,
        "description": one.description,
        "password_expires_at": None,
        "options": {},
        "links": {"self": f"{base_url}/users/{one.id}"},
    }


def project(one: Project, base_url: str) -> Json:
    """Return a project."""
    return {
        **(one.extra or {}),
        "id": one.id,
        "name": one.name,
        "domain_id": one.domain_id,
        "parent_id": one.parent_id or one.domain_id,
        "is_domain": False,
        "enabled": one.enabled,
        "description": one.description or "",
        "tags": list(one.tags),
        "options": {},
        "links": {"self": f"{base_url}/projects/{one.id}"},
    }


def domain(one: Domain, base_url: str) -> Json:
    """Return a domain."""
    return {
        **(one.extra or {}),
        "id": one.id,
        "name": one.name,
        "enabled": one.enabled,
        "description": one.description or "",
        "tags": [],
        "options": {},
        "links": {"self": f"{base_url}/domains/{one.id}"},
    }


def role(one: Role, base_url: str) -> Json:
    """Return a role."""
    return {
        **(one.extra or {}),
        "id": one.id,
        "name": one.name,
        "domain_id": None,
        "description": one.description,
        "options": {"immutable": True} if one.name in BUILT_IN_ROLES else {},
        "links": {"self": f"{base_url}/roles/{one.id}"},
    }


def group(one: Group, base_url: str) -> Json:
    """Return a group."""
    return {
        **(one.extra or {}),
        "id": one.id,
        "name": one.name,
        "domain_id": one.domain_id,
        "description": one.description or "",
        "links": {"self": f"{base_url}/groups/{one.id}"},
    }


def policy(one: Policy, base_url: str) -> Json:
    """Return a policy."""
    return {
        **(one.extra or {}),
        "id": one.id,
        "type": one.type,
        "blob": one.blob,
        "links": {"self": f"{base_url}/policies/{one.id}"},
    }
