"""Which domain something is in: said at its making or the default one, then for good."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.identity import Domain, Group, Project, User


def domain_of_new(db: Database, wanted: dict[str, Any]) -> str:
    """Return the domain's id for something new. Raises NotFound for one that is none."""
    domain_id = wanted.get("domain_id")
    if domain_id is None:
        return rows.DEFAULT_DOMAIN_ID
    return rows.get(db, Domain, domain_id).id


def refuse_another_domain(found: User | Project | Group, wanted: dict[str, Any]) -> None:
    """Raise Invalid when a change names another domain."""
    if wanted.get("domain_id", found.domain_id) != found.domain_id:
        raise Invalid("The domain of a user or project cannot be changed.")
