"""/os-aggregates; for administrators."""

from __future__ import annotations

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor

from devstack_lite import clock
from devstack_lite.context import RequestContext
from devstack_lite.db import aggregates, hosts
from devstack_lite.db.aggregates import ZONE
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import DevstackError, Invalid
from devstack_lite.objects.compute import Aggregate
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policies import CACHED_IMAGES
from services.api.policy import require_admin
from services.api.schemas import aggregates as schemas
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.aggregates import AggregatesAPI

LOG = logging.getLogger(__name__)

AT_ONCE = 8
"""Hosts that are asked at a time; Nova's [image_cache] precache_concurrency is 1."""


class AggregatesController:
    """Aggregates are read from the database and written by the conductor."""

    def __init__(
        self, db: Database, conductor: AggregatesAPI, compute: ComputeAPI, *, down_time_s: float
    ) -> None:
        self._db = db
        self._conductor = conductor
        self._compute = compute
        self._down_time_s = down_time_s

    def index(self, req: Request) -> Json:
        """List them."""
        require_admin(req.context, "os_compute_api:os-aggregates:index")
        return {"aggregates": [_view(req, one) for one in aggregates.list_aggregates(self._db)]}

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        require_admin(req.context, "os_compute_api:os-aggregates:show")
        return _shown(req, aggregates.get_aggregate(self._db, _number(id)))

    @api(body=schemas.CREATE)
    def create(self, req: Request, body: Json) -> Json:
        """Make one, without hosts; with a zone it is one."""
        require_admin(req.context, "os_compute_api:os-aggregates:create")
        wanted = body["aggregate"]
        zone = wanted.get("availability_zone")
        made = self._conductor.create_aggregate(
            req.context,
            aggregate=Aggregate(
                uuid=str(uuid.uuid4()),
                name=wanted["name"].strip(),
                metadata={ZONE: zone} if zone else {},
            ),
        )
        shown = _view(req, made)
        # Nova's answer to a create names neither.
        del shown["hosts"], shown["metadata"]
        return {"aggregate": shown}

    @api(body=schemas.UPDATE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Rename one, or give it a zone."""
        require_admin(req.context, "os_compute_api:os-aggregates:update")
        wanted = body["aggregate"]
        zone = {ZONE: wanted["availability_zone"]} if "availability_zone" in wanted else None
        name = wanted["name"].strip() if "name" in wanted else None
        return _shown(
            req,
            self._conductor.update_aggregate(
                req.context, aggregate_id=_number(id), name=name, metadata=zone
            ),
        )

    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove one that has no hosts."""
        require_admin(req.context, "os_compute_api:os-aggregates:delete")
        self._conductor.delete_aggregate(req.context, aggregate_id=_number(id))

    @api(action="add_host", body=schemas.ADD_HOST)
    def add_host(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Put a host into one."""
        require_admin(req.context, "os_compute_api:os-aggregates:add_host")
        host = body["add_host"]["host"]
        return _shown(
            req, self._conductor.add_host(req.context, aggregate_id=_number(id), host=host)
        )

    @api(action="remove_host", body=schemas.REMOVE_HOST)
    def remove_host(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Take a host out of one."""
        require_admin(req.context, "os_compute_api:os-aggregates:remove_host")
        host = body["remove_host"]["host"]
        return _shown(
            req, self._conductor.remove_host(req.context, aggregate_id=_number(id), host=host)
        )

    @api(action="set_metadata", body=schemas.SET_METADATA)
    def set_metadata(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Merge metadata; a key whose value is null goes."""
        require_admin(req.context, "os_compute_api:os-aggregates:set_metadata")
        return _shown(
            req,
            self._conductor.update_aggregate(
                req.context, aggregate_id=_number(id), metadata=body["set_metadata"]["metadata"]
            ),
        )

    @api(status=202, body=schemas.CACHE, since="2.81")
    def images(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Have the hosts of one keep images, as far as they are up; answered when they do.

        What a host could not get, it says in its log, as with Nova.
        """
        require_admin(req.context, CACHED_IMAGES)
        number = _number(id)
        wanted = [one["id"] for one in body["cache"]]
        if len(set(wanted)) < len(wanted):
            raise Invalid("Duplicate images in request")
        down = hosts.down_hosts(self._db, self._down_time_s)
        found = [one for one in aggregates.get_aggregate(self._db, number).hosts if one not in down]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cache") as pool:
            list(pool.map(lambda host: self._cache(req.context, host, wanted), found))

    def _cache(self, context: RequestContext, host: str, image_ids: list[str]) -> None:
        for image_id in image_ids:
            try:
                self._compute.cache_images(context, host=host, image_ids=[image_id])
            except DevstackError as error:
                LOG.warning("%s does not keep image %s: %s", host, image_id, error)


def _number(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or len(text) > 9:
        raise Invalid(f"Invalid aggregate id: {text}")
    return int(text)


def _shown(req: Request, aggregate: Aggregate) -> Json:
    return {"aggregate": _view(req, aggregate)}


def _view(req: Request, aggregate: Aggregate) -> Json:
    return {
        **({"uuid": aggregate.uuid} if req.since(2, 41) else {}),
        "id": aggregate.id,
        "name": aggregate.name,
        "availability_zone": aggregate.availability_zone,
        "hosts": list(aggregate.hosts),
        "metadata": dict(aggregate.metadata),
        "created_at": clock.to_micro(aggregate.created_at),
        "updated_at": clock.to_micro(aggregate.updated_at),
        "deleted": False,
        "deleted_at": None,
    }
