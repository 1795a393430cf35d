"""Images' records: create, list, show, change, delete; tags, and what the schemas say."""

from __future__ import annotations

import json
import uuid
from typing import Any

from devstack_lite.clock import utcnow
from devstack_lite.db import images
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, Invalid, NotFound
from devstack_lite.objects.image import Image, ImageChange
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.images import ImagesAPI
from services.image import schemas, views
from services.image.access import check_member, check_visibility, get_own, get_visible
from services.image.filters import filter_of
from services.image.limits import MAXIMUM, check_count, over_limit
from services.image.patch import (
    CONTENT_TYPES,
    change_of,
    check_values,
    check_writable,
    operations_of,
)
from services.image.store import ImageStore

IMPORT_METHODS = ("glance-direct",)
STORE = "file"
"""The name that Glance gives a store of files."""


class ImagesController:
    """/v2/images. show is step 12's other end: one read."""

    def __init__(
        self, db: Database, conductor: ImagesAPI, store: ImageStore, *, max_limit: int
    ) -> None:
        self._db = db
        self._conductor = conductor
        self._store = store
        self._max_limit = max_limit

    def index(self, req: Request) -> dict[str, Any]:
        """List images, a page at a time."""
        query = list(req.GET.items())
        wanted = filter_of(req.context, query, max_limit=self._max_limit)
        found = images.list_images(self._db, wanted) if wanted.limit else []
        return views.page(found, limit=wanted.limit, query=query)

    def show(self, req: Request, image_id: str) -> dict[str, Any]:
        """Show one image."""
        return views.show(get_visible(self._db, req.context, image_id))

    def create(self, req: Request) -> Reply:
        """Record an image without data: queued."""
        check_member(req.context)
        image = self._new_image(req, req.json_object())
        shown = views.show(self._conductor.create_image(req.context, image=image))
        headers = {
            "Location": req.public_url(f"/images/{image.id}"),
            "OpenStack-image-import-methods": ",".join(IMPORT_METHODS),
            "OpenStack-image-store-ids": STORE,
        }
        return Reply(body=shown, status=201, headers=headers)

    @staticmethod
    def _new_image(req: Request, body: dict[str, Any]) -> Image:
        check_writable(body)
        check_values(body)
        check_count("tags", len(body.get("tags", ())))
        check_count("properties", sum(name not in schemas.ATTRIBUTES for name in body))
        values = {name: body[name] for name in body if name in schemas.SETTABLE}
        values["tags"] = tuple(dict.fromkeys(values.get("tags", ())))
        owner = values.setdefault("owner", req.context.project_id)
        if owner != req.context.project_id and not req.context.is_admin:
            raise Forbidden(
                f"You are not permitted to create images owned by '{owner}'.", kind="image"
            )
        check_visibility(req.context, values.get("visibility", "shared"))
        properties = {name: value for name, value in body.items() if name not in schemas.ATTRIBUTES}
        return Image(
            id=body.get("id", str(uuid.uuid4())).lower(),
            properties=properties,
            created_at=utcnow(),
            **values,
        )

    def update(self, req: Request, image_id: str) -> dict[str, Any]:
        """Change attributes and properties by a JSON patch."""
        if req.content_type not in CONTENT_TYPES:
            accepted = {"Accept-Patch": ", ".join(CONTENT_TYPES)}
            raise HttpError(415, f"Unsupported Content-Type {req.content_type}", accepted)
        try:
            operations = json.loads(req.body)
        except ValueError as error:
            raise Invalid("Malformed request body: it is not valid JSON.") from error
        image = get_own(self._db, req.context, image_id)
        change = change_of(image, operations_of(req.content_type, operations))
        self._check_change(req, image, change)
        return views.show(
            self._conductor.update_image(req.context, image_id=image_id, change=change)
        )

    @staticmethod
    def _check_change(req: Request, image: Image, change: ImageChange) -> None:
        if change.values.get("visibility", image.visibility) != image.visibility:
            check_visibility(req.context, change.values["visibility"])
        if change.values.get("owner", image.owner) != image.owner and not req.context.is_admin:
            raise Forbidden("You are not permitted to change the owner.", kind="image")
        if image.status != "queued":
            for name in ("disk_format", "container_format"):
                if change.values.get(name, getattr(image, name)) != getattr(image, name):
                    raise Forbidden(
                        f"Attribute {name} can be only replaced for a queued image.", kind="image"
                    )

    @api(status=204)
    def delete(self, req: Request, image_id: str) -> None:
        """Remove the record, then the data."""
        image = get_own(self._db, req.context, image_id, to="delete")
        self._conductor.delete_image(req.context, image_id=image.id)
        self._store.remove(image.id)

    @api(status=204)
    def deactivate(self, req: Request, image_id: str) -> None:
        """Keep the data from everybody but administrators."""
        self._switch(req, image_id, "deactivated", "active")

    @api(status=204)
    def reactivate(self, req: Request, image_id: str) -> None:
        """Undo deactivate."""
        self._switch(req, image_id, "active", "deactivated")

    def _switch(self, req: Request, image_id: str, status: str, previous: str) -> None:
        image = get_visible(self._db, req.context, image_id)
        if not req.context.is_admin:
            raise Forbidden("You are not authorized to complete this action.", kind="image")
        if image.status not in {status, previous}:
            raise Forbidden(
                f"Not allowed to change the status of image {image_id} from {image.status}"
                f" to {status}.", kind="image",
            )  # fmt: skip
        self._conductor.move_image(
            req.context, image_id=image.id, status=status, from_statuses=[previous]
        )

    @api(status=204)
    def add_tag(self, req: Request, image_id: str, tag: str) -> None:
        """Tag an image."""
        if len(tag) > schemas.ATTRIBUTES["tags"]["items"]["maxLength"]:
            raise Invalid("A tag has at most 255 characters.")
        image = get_own(self._db, req.context, image_id)
        with over_limit():
            self._conductor.add_tag(
                req.context, image_id=image.id, tag=tag, maximum=MAXIMUM["tags"]
            )

    @api(status=204)
    def delete_tag(self, req: Request, image_id: str, tag: str) -> None:
        """Take a tag off."""
        image = get_own(self._db, req.context, image_id)
        self._conductor.delete_tag(req.context, image_id=image.id, tag=tag)

    def import_info(self, req: Request) -> dict[str, Any]:
        """Say by which methods data can be imported."""
        return {
            "import-methods": {
                "description": "Import methods available.",
                "type": "array",
                "value": list(IMPORT_METHODS),
            }
        }

    def stores_info(self, req: Request) -> dict[str, Any]:
        """Name the one store there is."""
        return {"stores": [{"id": STORE, "default": "true", "description": "Files on this host"}]}

    def tasks(self, req: Request) -> dict[str, Any]:
        """List the tasks that are under way: none, for imports are done when they are answered."""
        if not req.context.is_admin:
            raise Forbidden("You are not authorized to complete tasks_api_access action.")
        return {"tasks": [], "first": "/v2/tasks", "schema": "/v2/schemas/tasks"}

    def image_tasks(self, req: Request, image_id: str) -> dict[str, Any]:
        """List an image's tasks: none, likewise."""
        get_visible(self._db, req.context, image_id)
        return {"tasks": []}

    def schema(self, req: Request, name: str) -> dict[str, Any]:
        """Return the JSON schema of that name."""
        if name not in schemas.DOCUMENTS:
            raise NotFound(f"There is no schema {name}")
        return schemas.DOCUMENTS[name]
