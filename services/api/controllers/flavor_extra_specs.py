"""/flavors/{id}/os-extra_specs."""

from __future__ import annotations

from devstack_lite.db import flavors
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.compute import Flavor
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.extra_specs import check_extra_specs
from services.api.policy import authorize, require_admin
from services.api.schemas import flavors as schemas
from services.conductor.rpcapi.flavors import FlavorsAPI

RULE = "os_compute_api:os-flavor-extra-specs"


class FlavorExtraSpecsController:
    """What a flavor asks of its host beyond size."""

    def __init__(self, db: Database, conductor: FlavorsAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request, flavor_id: str) -> Json:
        """Show all."""
        authorize(req.context, f"{RULE}:index")
        return {"extra_specs": dict(self._get(req, flavor_id).extra_specs)}

    def show(self, req: Request, flavor_id: str, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        authorize(req.context, f"{RULE}:show")
        specs = self._get(req, flavor_id).extra_specs
        if id not in specs:
            raise NotFound(f"Flavor {flavor_id} has no extra specs with key {id}.", kind="key")
        return {id: specs[id]}

    @api(body=schemas.EXTRA_SPECS)
    def create(self, req: Request, flavor_id: str, body: Json) -> Json:
        """Add some, or change those that are there."""
        require_admin(req.context, f"{RULE}:create")
        wanted = _checked(req, body["extra_specs"])
        flavors.get_flavor(self._db, flavor_id, with_private=True)
        self._conductor.set_extra_specs(req.context, flavor_id=flavor_id, specs=wanted)
        return {"extra_specs": wanted}

    @api(body=schemas.EXTRA_SPEC)
    def update(self, req: Request, flavor_id: str, id: str, body: Json) -> Json:  # noqa: A002
        """Change one."""
        require_admin(req.context, f"{RULE}:update")
        if id not in body:
            raise Invalid("Request body and URI mismatch")
        wanted = _checked(req, body)
        flavors.get_flavor(self._db, flavor_id, with_private=True)
        self._conductor.set_extra_specs(req.context, flavor_id=flavor_id, specs=wanted)
        return body

    def delete(self, req: Request, flavor_id: str, id: str) -> None:  # noqa: A002
        """Remove one."""
        require_admin(req.context, f"{RULE}:delete")
        if id not in flavors.get_flavor(self._db, flavor_id, with_private=True).extra_specs:
            raise NotFound(f"Flavor {flavor_id} has no extra specs with key {id}.", kind="key")
        self._conductor.set_extra_specs(req.context, flavor_id=flavor_id, specs={id: None})

    def _get(self, req: Request, flavor_id: str) -> Flavor:
        return flavors.get_flavor(
            self._db, flavor_id, with_private=req.context.is_admin,
            project_id=req.context.project_id,
        )  # fmt: skip


def _checked(req: Request, specs: Json) -> dict[str, str]:
    """Return extra specs as they are kept. Raises Invalid, since 2.86."""
    wanted = {key: str(value) for key, value in specs.items()}
    if req.since(2, 86):
        check_extra_specs(wanted)
    return wanted
