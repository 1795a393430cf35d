"""What a token is for, and whether that is open to its user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.objects.identity import Standing

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A project, a domain, the system, or nothing but saying who."""

    project_id: str | None = None
    domain_id: str | None = None
    is_system: bool = False

    @property
    def target_id(self) -> str | None:
        """The id that roles are assigned on; None when unscoped."""
        return self.project_id or self.domain_id or (rows.SYSTEM_ID if self.is_system else None)


def is_open(scope: Scope, standing: Standing) -> bool:
    """Say whether what a token is for is there, enabled, and the user has a role on it."""
    if not standing.roles:
        return False
    if scope.project_id is not None:
        project, owner = standing.project, standing.project_domain
        return bool(project and project.enabled and owner and owner.enabled)
    if scope.domain_id is not None:
        return standing.domain is not None and standing.domain.enabled
    return scope.is_system


def domain_of(wanted: Json) -> str:
    """Return the id or name of the domain that a user or project is named in."""
    domain = wanted.get("domain") or {}
    return str(domain.get("id") or domain.get("name") or "")
