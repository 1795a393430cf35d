"""Who may do what, under Nova's rule names."""

from __future__ import annotations

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Forbidden


def require_admin(context: RequestContext, rule: str) -> None:
    """Raise Forbidden in Nova's words unless the caller is an administrator."""
    if not context.is_admin:
        raise Forbidden(f"Policy doesn't allow {rule} to be performed.")


def visible_project(context: RequestContext) -> str | None:
    """Return the project whose instances the caller may touch; None is all of them."""
    return None if context.is_admin else context.project_id
