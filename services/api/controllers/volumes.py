"""/os-volumes and /os-snapshots, up to 2.35: what clients asked of compute before Cinder was."""

from __future__ import annotations

from collections.abc import Callable

from devstack_lite.clients.volume import VolumeClient
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_offset, page_size
from services.api.policy import authorize
from services.api.schemas import queries
from services.api.schemas import volumes as schemas
from services.api.schemas.parameters import is_true, whole

UNTIL = "2.35"
VOLUMES_RULE = "os_compute_api:os-volumes"
SNAPSHOTS_RULE = "os_compute_api:os-volumes:snapshots"


class _Proxy:
    """Each request is one to the volume service, with the caller's token."""

    NOUN = ""
    RULE = ""

    def __init__(
        self, volume: VolumeClient, view: Callable[[Json], Json], *, max_limit: int
    ) -> None:
        self._volume = volume
        self._view = view
        self._max_limit = max_limit

    @api(until=UNTIL, query=queries.VOLUMES)
    def index(self, req: Request) -> Json:
        """List them, in full as Nova does."""
        return self._list(req, "list")

    @api(until=UNTIL, query=queries.VOLUMES)
    def detail(self, req: Request) -> Json:
        """List them in full."""
        return self._list(req, "detail")

    def _list(self, req: Request, rule: str) -> Json:
        authorize(req.context, f"{self.RULE}:{rule}")
        page = {"limit": str(page_size(req, self._max_limit)), "offset": str(page_offset(req))}
        found = self._volume.list_all(req.context, self.NOUN, **page)
        return {f"{self.NOUN}s": [self._view(one) for one in found]}

    @api(until=UNTIL)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        authorize(req.context, f"{self.RULE}:show")
        try:
            found = self._volume.get(req.context, self.NOUN, id)
        except NotFound as error:
            raise NotFound(f"{self.NOUN.title()} {id} could not be found.") from error
        return {self.NOUN: self._view(found)}

    @api(until=UNTIL, status=202)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove one."""
        authorize(req.context, f"{self.RULE}:delete")
        try:
            self._volume.delete(req.context, self.NOUN, id)
        except NotFound as error:
            raise NotFound(f"{self.NOUN.title()} {id} could not be found.") from error

    def _make(self, req: Request, asked: Json) -> Json:
        authorize(req.context, f"{self.RULE}:create")
        wanted = {key: value for key, value in asked.items() if value is not None}
        return {self.NOUN: self._view(self._volume.create(req.context, self.NOUN, wanted))}


class VolumesController(_Proxy):
    """Volumes."""

    NOUN = "volume"
    RULE = VOLUMES_RULE

    @api(until=UNTIL, body=schemas.VOLUME)
    def create(self, req: Request, body: Json) -> Json:
        """Make a volume."""
        asked = body["volume"]
        return self._make(req, {
            "size": whole(asked["size"]), "name": asked.get("display_name"),
            "description": asked.get("display_description"),
            "volume_type": asked.get("volume_type"), "metadata": asked.get("metadata"),
            "snapshot_id": asked.get("snapshot_id"),
            "availability_zone": asked.get("availability_zone"),
        })  # fmt: skip


class SnapshotsController(_Proxy):
    """Snapshots of volumes."""

    NOUN = "snapshot"
    RULE = SNAPSHOTS_RULE

    @api(until=UNTIL, body=schemas.SNAPSHOT)
    def create(self, req: Request, body: Json) -> Json:
        """Make a snapshot of a volume."""
        asked = body["snapshot"]
        is_forced = is_true(asked.get("force"))
        return self._make(req, {
            "volume_id": asked["volume_id"], "name": asked.get("display_name"),
            "description": asked.get("display_description"), "force": is_forced or None,
        })  # fmt: skip
