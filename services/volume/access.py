"""Who may do what with the volume service."""

from __future__ import annotations

from devstack_lite.exceptions import Forbidden
from devstack_lite.wsgi.request import Request

WRITERS = {"member", "manager", "service"}
"""Roles that may change a project's volumes; a reader may look at them."""


def check_admin(req: Request, rule: str) -> None:
    """Raise Forbidden, with the rule's name, when the caller is no administrator."""
    if not req.context.is_admin:
        raise Forbidden(f"Policy doesn't allow {rule} to be performed.")


def require_writer(req: Request) -> None:
    """Raise Forbidden, in Cinder's words, unless the caller may change what its project has."""
    if not (req.context.is_admin or WRITERS & set(req.context.roles)):
        raise Forbidden("Policy doesn't allow this action to be performed.")
