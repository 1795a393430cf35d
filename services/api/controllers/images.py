"""/images, up to 2.35: what clients asked of compute before they knew of the image service.

No policy rule is asked, as in Nova: the image service says who may, by the caller's token.
"""

from __future__ import annotations

from devstack_lite.clients.image import ImageClient
from devstack_lite.exceptions import Forbidden, NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_size
from services.api.schemas import queries
from services.api.server_filters import moment_in
from services.api.views import images as views
from services.api.views.links import next_link

UNTIL = "2.35"
_FILTERS = {
    "name": "name",
    "status": "status",
    "server": "instance_uuid",
    "type": "image_type",
    "minRam": "min_ram",
    "minDisk": "min_disk",
}
"""By the compute API's name of a filter: the image service's."""


class ImagesController:
    """A proxy: each request is one to the image service, with the caller's token."""

    def __init__(self, image: ImageClient, *, image_url: str, max_limit: int) -> None:
        self._image = image
        self._image_url = image_url
        self._max_limit = max_limit

    @api(until=UNTIL, query=queries.IMAGES)
    def index(self, req: Request) -> Json:
        """List ids and names."""
        found, links = self._list(req)
        return {"images": [views.brief(req, one, self._image_url) for one in found], **links}

    @api(until=UNTIL, query=queries.IMAGES)
    def detail(self, req: Request) -> Json:
        """List images in full."""
        found, links = self._list(req)
        return {"images": [views.full(req, one, self._image_url) for one in found], **links}

    @api(until=UNTIL)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one image in full."""
        return {"image": views.full(req, get_image(self._image, req, id), self._image_url)}

    @api(until=UNTIL, status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove an image."""
        found = get_image(self._image, req, id)
        try:
            self._image.delete_image(req.context, str(found["id"]))
        except Forbidden as error:
            raise Forbidden("You are not allowed to delete the image.") from error

    def _list(self, req: Request) -> tuple[list[Json], Json]:
        size = page_size(req, self._max_limit)
        found = self._image.list_images(req.context, **_query_of(req), limit=str(size))
        is_full = bool(found) and len(found) == size
        return found, {"images_links": next_link(req, str(found[-1]["id"]))} if is_full else {}


def get_image(image: ImageClient, req: Request, image_id: str) -> Json:
    """Return an image that the caller may see. Raises NotFound."""
    try:
        found, _ = image.get_image(req.context, image_id)
    except NotFound as error:
        raise NotFound("Image not found.", kind="image") from error
    return found


def _query_of(req: Request) -> dict[str, str]:
    """Return the image service's query for a list; properties never hide what is its own."""
    asked = req.GET
    query = {
        key.removeprefix("property-"): value
        for key, value in asked.items()
        if key.startswith("property-")
    }
    for reserved in ("limit", "sort", "sort_key", "sort_dir", "marker"):
        query.pop(reserved, None)
    query |= {theirs: asked[ours] for ours, theirs in _FILTERS.items() if ours in asked}
    if "server" in asked:
        query["instance_uuid"] = asked["server"].rstrip("/").rpartition("/")[2]
    if "status" in query:
        query["status"] = query["status"].lower()
    if "changes-since" in asked:
        query["updated_at"] = f"gte:{moment_in(req, 'changes-since').isoformat()}"
    if "marker" in asked:
        query["marker"] = asked["marker"]
    return query
