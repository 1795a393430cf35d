"""Whose things a caller may see and touch."""

from __future__ import annotations

from typing import Any

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Forbidden, Invalid

Json = dict[str, Any]


def view_of(context: RequestContext) -> str | None:
    """Return the project whose view the caller has; None sees all."""
    return None if context.is_admin else context.project_id


def owner_of(context: RequestContext, wanted: Json) -> str:
    """Return who will own a new thing. Raises Invalid for a member naming another project."""
    named = wanted.get("project_id") or wanted.get("tenant_id") or context.project_id
    if named != context.project_id and not context.is_admin:
        raise Invalid(
            "Specifying 'project_id' or 'tenant_id' other than authenticated project in request"
            " requires admin privileges"
        )
    return str(named)


def require_owner(context: RequestContext, project_id: str, what: str) -> None:
    """Raise Forbidden unless the caller may change a thing that it sees."""
    if not context.is_admin and context.project_id != project_id:
        raise Forbidden(f"(rule:{what}) is disallowed by policy")


def require_admin_for(context: RequestContext, wanted: Json, *names: str) -> None:
    """Raise Forbidden when a member sets what only an administrator may set to true."""
    for name in names:
        if is_true(wanted.get(name)) and not context.is_admin:
            raise Forbidden(f"(rule:create_network:{name}) is disallowed by policy")


def is_true(value: Any) -> bool:
    """Return a flag in any of the forms that the API takes."""
    return value in {True, "true", "True"}
