"""/os-aggregates; for administrators."""

from __future__ import annotations

import uuid

from devstack_lite import clock
from devstack_lite.db import aggregates
from devstack_lite.db.aggregates import ZONE
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Aggregate
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import require_admin
from services.api.schemas import aggregates as schemas
from services.conductor.rpcapi.aggregates import AggregatesAPI


class AggregatesController:
    """Aggregates are read from the database and written by the conductor."""

    def __init__(self, db: Database, conductor: AggregatesAPI) -> None:
        self._db = db
        self._conductor = conductor

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
