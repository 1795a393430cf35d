"""Who may do what with the volume service."""

from __future__ import annotations

from devstack_lite.exceptions import Forbidden
from devstack_lite.wsgi.request import Request


def check_admin(req: Request, rule: str) -> None:
    """Raise Forbidden, with the rule's name, when the caller is no administrator."""
    if not req.context.is_admin:
        raise Forbidden(f"Policy doesn't allow {rule} to be performed.")
