"""Who may see and change an image."""

from __future__ import annotations

from devstack_lite.context import RequestContext
from devstack_lite.db import images
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden
from devstack_lite.objects.image import Image


def view_of(context: RequestContext) -> str | None:
    """Return the project whose view the caller has; None for an administrator, who sees all."""
    return None if context.is_admin else context.project_id


def get_visible(db: Database, context: RequestContext, image_id: str) -> Image:
    """Return an image that the caller may see. Raises NotFound."""
    return images.get_image(db, image_id, project_id=view_of(context))


def get_own(db: Database, context: RequestContext, image_id: str, *, to: str = "modify") -> Image:
    """Return an image that the caller may change. Raises NotFound, Forbidden."""
    image = get_visible(db, context, image_id)
    if not context.is_admin and image.owner != context.project_id:
        raise Forbidden(f"You are not permitted to {to} this image.", kind="image")
    check_member(context)
    return image


def check_member(context: RequestContext) -> None:
    """Raise Forbidden for who only reads what the project has."""
    if not context.is_admin and "member" not in context.roles:
        raise Forbidden("You are not authorized to complete this action.", kind="image")


def check_visibility(context: RequestContext, visibility: str) -> None:
    """Raise Forbidden when the caller may not give an image this visibility."""
    if visibility == "public" and not context.is_admin:
        raise Forbidden("You are not authorized to complete publicize_image action.", kind="image")
