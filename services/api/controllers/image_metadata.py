"""/images/{id}/metadata, up to 2.38: the properties of an image."""

from __future__ import annotations

from devstack_lite.clients.image import ImageClient
from devstack_lite.exceptions import Invalid, NotFound, QuotaExceeded
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.images import get_image
from services.api.quotas import ProjectQuotas
from services.api.schemas import server_metadata as schemas
from services.api.views.images import properties_of

UNTIL = "2.38"


class ImageMetadataController:
    """A proxy as /images is: the image service says who may."""

    def __init__(self, image: ImageClient, *, quota: ProjectQuotas) -> None:
        self._image = image
        self._quota = quota

    @api(until=UNTIL)
    def index(self, req: Request, image_id: str) -> Json:
        """Show all of them."""
        return {"metadata": properties_of(get_image(self._image, req, image_id))}

    @api(until=UNTIL)
    def show(self, req: Request, image_id: str, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        found = properties_of(get_image(self._image, req, image_id))
        _check_there(found, id)
        return {"meta": {id: found[id]}}

    @api(until=UNTIL, body=schemas.ALL)
    def create(self, req: Request, image_id: str, body: Json) -> Json:
        """Set some, and leave the others."""
        image = get_image(self._image, req, image_id)
        wanted = {**properties_of(image), **body["metadata"]}
        self._change(req, image, wanted)
        return {"metadata": wanted}

    @api(until=UNTIL, body=schemas.ALL)
    def update_all(self, req: Request, image_id: str, body: Json) -> Json:
        """Set these, and take the others away."""
        self._change(req, get_image(self._image, req, image_id), body["metadata"])
        return {"metadata": body["metadata"]}

    @api(until=UNTIL, body=schemas.ONE)
    def update(self, req: Request, image_id: str, id: str, body: Json) -> Json:  # noqa: A002
        """Set one."""
        if id not in body["meta"]:
            raise Invalid("Request body and URI mismatch")
        image = get_image(self._image, req, image_id)
        self._change(req, image, {**properties_of(image), **body["meta"]})
        return {"meta": body["meta"]}

    @api(until=UNTIL, status=204)
    def delete(self, req: Request, image_id: str, id: str) -> None:  # noqa: A002
        """Take one away."""
        image = get_image(self._image, req, image_id)
        wanted = properties_of(image)
        _check_there(wanted, id)
        del wanted[id]
        self._change(req, image, wanted)

    def _change(self, req: Request, image: Json, wanted: dict[str, str]) -> None:
        """Make an image's properties the wanted ones. Raises QuotaExceeded."""
        there = properties_of(image)
        limit = self._quota.of(req.context.project_id)["metadata_items"]
        if 0 <= limit < len(wanted) and len(wanted) > len(there):
            raise QuotaExceeded("Image metadata limit exceeded")
        self._image.change_properties(
            req.context,
            image,
            items={key: value for key, value in wanted.items() if there.get(key) != value},
            removed=[key for key in there if key not in wanted],
        )


def _check_there(properties: dict[str, str], key: str) -> None:
    if key not in properties:
        raise NotFound("Metadata item was not found", kind="metadata")
