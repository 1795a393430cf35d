"""Whom a shared image is shared with."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import images
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, NotFound
from devstack_lite.objects.image import Image, ImageMember
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.images import ImagesAPI
from services.image import schemas, views
from services.image.access import get_own, get_visible
from services.image.limits import MAX_MEMBERS, over_limit


class MembersController:
    """/v2/images/{id}/members."""

    def __init__(self, db: Database, conductor: ImagesAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request, image_id: str) -> dict[str, Any]:
        """List the members that the caller may know of."""
        found = self._members(req, self._shared(req, image_id))
        return {"members": [views.member(one) for one in found], "schema": "/v2/schemas/members"}

    def show(self, req: Request, image_id: str, member_id: str) -> dict[str, Any]:
        """Show one member."""
        for one in self._members(req, self._shared(req, image_id)):
            if one.member_id == member_id:
                return views.member(one)
        raise NotFound(f"{member_id} not found in the member list of the image {image_id}.")

    @api(body=schemas.MEMBER_CREATE)
    def create(self, req: Request, image_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Share the image with a project."""
        image = get_own(self._db, req.context, image_id)
        _check_shared(image)
        with over_limit():
            made = self._conductor.create_member(
                req.context, image_id=image.id, member_id=body["member"], maximum=MAX_MEMBERS
            )
        return views.member(made)

    @api(body=schemas.MEMBER_UPDATE)
    def update(
        self, req: Request, image_id: str, member_id: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Accept or reject; only the member itself may."""
        image = self._shared(req, image_id)
        if not req.context.is_admin and req.context.project_id != member_id:
            raise Forbidden("Only the member may change its status.", kind="image")
        return views.member(
            self._conductor.update_member(
                req.context, image_id=image.id, member_id=member_id, status=body["status"]
            )
        )

    @api(status=204)
    def delete(self, req: Request, image_id: str, member_id: str) -> None:
        """Stop sharing."""
        image = get_own(self._db, req.context, image_id)
        _check_shared(image)
        self._conductor.delete_member(req.context, image_id=image.id, member_id=member_id)

    def _shared(self, req: Request, image_id: str) -> Image:
        image = get_visible(self._db, req.context, image_id)
        _check_shared(image)
        return image

    def _members(self, req: Request, image: Image) -> list[ImageMember]:
        found = images.list_members(self._db, image.id)
        if req.context.is_admin or image.owner == req.context.project_id:
            return found
        return [one for one in found if one.member_id == req.context.project_id]


def _check_shared(image: Image) -> None:
    if image.visibility != "shared":
        raise Forbidden("Only shared images have members.", kind="image")
