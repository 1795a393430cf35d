"""Images' data: upload, download, stage and import.

An upload goes queued, saving, active; a staged one queued, uploading, active. When it fails the
image is queued again. A worker that is killed half-way leaves it in saving or uploading: the same
request, sent again, takes over, because nobody holds the store's lock any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict, DevstackError, Forbidden, Invalid, NotFound
from devstack_lite.objects.image import Image
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.images import ImagesAPI
from services.image import schemas
from services.image.access import get_own, get_visible
from services.image.controllers.images import IMPORT_METHODS
from services.image.store import Body, ImageStore, too_large

OCTETS = "application/octet-stream"


class DataController:
    """/v2/images/{id}/file, /stage and /import."""

    def __init__(self, db: Database, conductor: ImagesAPI, store: ImageStore) -> None:
        self._db = db
        self._conductor = conductor
        self._store = store

    @api(status=204)
    def upload(self, req: Request, image_id: str) -> None:
        """Take the image's data."""
        with self._receiving(req, image_id, "saving") as (image, body):
            data = self._store.save(image.id, body)
            try:
                self._conductor.finish_upload(req.context, image_id=image.id, data=data)
            except NotFound:
                self._store.remove(image.id)
                raise

    @api(status=204)
    def stage(self, req: Request, image_id: str) -> None:
        """Take data that an import will use."""
        with self._receiving(req, image_id, "uploading") as (image, body):
            self._store.stage(image.id, body)

    @contextmanager
    def _receiving(self, req: Request, image_id: str, status: str) -> Iterator[tuple[Image, Body]]:
        """Give the image, in status, and its body; on an error it is queued again."""
        body = Body(req.environ)
        try:
            image = self._check_upload(req, image_id, body)
            with self._store.writing(image.id):
                self._move(req, image, status)
                try:
                    yield image, body
                except DevstackError as error:
                    self._requeue(req, image, error)
                    raise
                except (HttpError, OSError):
                    self._move(req, image, "queued")
                    raise
        except Exception as error:
            # The server would read the rest into memory; for a 413 it closes the connection.
            if getattr(error, "status", 0) != 413:
                body.drain(self._store.max_bytes)
            raise

    def _check_upload(self, req: Request, image_id: str, body: Body) -> Image:
        if req.content_type != OCTETS:
            raise HttpError(415, f"Unsupported Content-Type {req.content_type}: {OCTETS} expected")
        image = get_own(self._db, req.context, image_id)
        _check_formats(image)
        if body.length is not None and body.length > self._store.max_bytes:
            raise too_large(self._store.max_bytes)
        return image

    def _move(self, req: Request, image: Image, status: str) -> None:
        self._conductor.move_image(
            req.context,
            image_id=image.id,
            status=status,
            from_statuses=["queued", "saving", "uploading"],
        )

    def _requeue(self, req: Request, image: Image, error: DevstackError) -> None:
        """Undo the move, unless it is not known whether the image became active."""
        if error.definite and not isinstance(error, (NotFound, Conflict)):
            self._move(req, image, "queued")

    @api(status=202, body=schemas.IMPORT)
    def import_image(self, req: Request, image_id: str, body: dict[str, Any]) -> None:
        """Make what was staged the image's data. Done when the answer is sent."""
        method = body["method"]["name"]
        if method not in IMPORT_METHODS:
            raise Invalid(f"Unknown import method name '{method}'.")
        image = get_own(self._db, req.context, image_id)
        _check_formats(image)
        if image.status != "uploading":
            raise Conflict(
                "Import to the image requires status 'uploading', but it is"
                f" '{image.status}'", kind="image",
            )  # fmt: skip
        with self._store.writing(image.id):
            data = self._store.use_staged(image.id)
            self._conductor.finish_upload(req.context, image_id=image.id, data=data)

    def download(self, req: Request, image_id: str) -> Reply:
        """Send the image's data; 204 while there is none."""
        image = get_visible(self._db, req.context, image_id)
        if image.status == "deactivated" and not req.context.is_admin:
            raise Forbidden("The requested image has been deactivated.", kind="image")
        if image.status not in {"active", "deactivated"} or image.checksum is None:
            return Reply(status=204)
        data = self._store.open(image.id)
        headers = {"Content-Length": str(data.size), "Content-MD5": image.checksum}
        return Reply(body=data, headers=headers, content_type=OCTETS)


def _check_formats(image: Image) -> None:
    if not image.disk_format or not image.container_format:
        raise Invalid(
            "Properties disk_format and container_format must be set prior to saving data."
        )
