"""Who may ask placement, in its own words."""

from __future__ import annotations

from devstack_lite.exceptions import Forbidden
from devstack_lite.wsgi.request import Request

_ROLES = frozenset({"admin", "service"})


def require_admin(req: Request, rule: str) -> None:
    """Raise Forbidden unless the caller is an administrator or a service."""
    if not _ROLES & set(req.context.roles):
        raise denied(rule)


def denied(rule: str) -> Forbidden:
    """Return the error for whoever may not."""
    return Forbidden(f"Access was denied to this resource.\n\n placement:{rule}  ")
