"""Volume types: create, list, show, change, delete, extra specs, and who has access."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.clock import utcnow
from devstack_lite.db import volume_types
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.volume_type import VolumeType
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.volume_types import VolumeTypesAPI
from services.volume import schemas_types as bodies
from services.volume import views
from services.volume.access import check_admin
from services.volume.filters import next_link, number, page_limit, project_of

_MANAGE = "volume_extension:types_manage"
_EXTRA_SPECS = "volume_extension:types_extra_specs"
_ACCESS = "volume_extension:volume_type_access"


class TypesController:
    """/types. Only administrators change them."""

    def __init__(self, db: Database, conductor: VolumeTypesAPI, *, max_limit: int) -> None:
        self._db = db
        self._conductor = conductor
        self._max_limit = max_limit

    def index(self, req: Request) -> dict[str, Any]:
        """List the types that the caller can use, a page at a time."""
        query = dict(req.GET.items())
        found = self._listed(req, query)
        marker = query.get("marker")
        if marker is not None:
            ids = [one.id for one in found]
            if marker not in ids:
                raise NotFound(f"Volume type {marker} could not be found.", kind="volume_type")
            found = found[ids.index(marker) + 1 :]
        limit = page_limit(query, self._max_limit)
        found = found[number(query, "offset", 0) :][:limit]
        body: dict[str, Any] = {"volume_types": [views.volume_type(req, one) for one in found]}
        if found and len(found) == limit:
            body["volume_type_links"] = next_link(req, "/types", found[-1].id)
        return body

    def _listed(self, req: Request, query: dict[str, str]) -> list[VolumeType]:
        found = volume_types.list_types(self._db, project_id=project_of(req))
        wanted = query.get("is_public")
        if req.context.is_admin and wanted is not None and wanted.lower() != "none":
            is_public = wanted.lower() in {"1", "true", "yes"}
            found = [one for one in found if one.is_public == is_public]
        if "name" in query:
            found = [one for one in found if one.name == query["name"]]
        key, way = query.get("sort", "name:asc").partition(":")[::2]
        if key not in {"name", "id"}:
            raise Invalid(f"Invalid input received: Invalid sort key {key}.")
        return sorted(found, key=lambda one: str(getattr(one, key)), reverse=way == "desc")

    def _get(self, req: Request, type_id: str) -> VolumeType:
        """Return a type by its id. Raises NotFound, for a name, too."""
        if type_id == "default":
            type_id = volume_types.DEFAULT.id
        found = volume_types.find_type(self._db, type_id, project_id=project_of(req))
        if found.id != type_id:
            raise NotFound(f"Volume type {type_id} could not be found.", kind="volume_type")
        return found

    def show(self, req: Request, type_id: str) -> dict[str, Any]:
        """Show a type by its id, or `default`."""
        return {"volume_type": views.volume_type(req, self._get(req, type_id))}

    @api(body=bodies.CREATE)
    def create(self, req: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Record a type."""
        check_admin(req, _MANAGE)
        asked = body["volume_type"]
        made = self._conductor.create_type(
            req.context,
            volume_type=VolumeType(
                id=str(uuid.uuid4()),
                name=asked["name"].strip(),
                description=asked.get("description"),
                is_public=_is_true(asked.get("os-volume-type-access:is_public", True)),
                extra_specs=asked.get("extra_specs") or {},
                created_at=utcnow(),
            ),
        )
        return {"volume_type": views.volume_type(req, made)}

    @api(body=bodies.UPDATE)
    def update(self, req: Request, type_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change name, description, or whether it is public."""
        check_admin(req, _MANAGE)
        asked = body["volume_type"]
        values = {name: asked[name] for name in ("name", "description") if asked.get(name)}
        if "description" in asked:
            values["description"] = asked["description"]
        if "is_public" in asked:
            values["is_public"] = _is_true(asked["is_public"])
        if not values:
            raise Invalid("Specify volume type name, description, is_public or a combination"
                          " thereof.")  # fmt: skip
        changed = self._conductor.update_type(
            req.context, type_id=self._get(req, type_id).id, values=values
        )
        return {"volume_type": views.volume_type(req, changed)}

    @api(status=202)
    def delete(self, req: Request, type_id: str) -> None:
        """Remove a type that no volume has."""
        check_admin(req, _MANAGE)
        self._conductor.delete_type(req.context, type_id=self._get(req, type_id).id)

    # --------------------------------------------------------------------------- extra specs

    def extra_specs(self, req: Request, type_id: str) -> dict[str, Any]:
        """Return a type's extra specs."""
        return {"extra_specs": self.show(req, type_id)["volume_type"]["extra_specs"]}

    @api(body=bodies.SET_EXTRA_SPECS)
    def set_extra_specs(self, req: Request, type_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Merge items into the extra specs."""
        self._change_specs(req, type_id, body["extra_specs"])
        return {"extra_specs": body["extra_specs"]}

    def show_extra_spec(self, req: Request, type_id: str, key: str) -> dict[str, Any]:
        """Return one item."""
        known = self.extra_specs(req, type_id)["extra_specs"]
        if key not in known:
            raise NotFound(f"Volume Type {type_id} has no extra specs with key {key}.")
        return {key: known[key]}

    @api(body=bodies.SET_EXTRA_SPEC)
    def set_extra_spec(
        self, req: Request, type_id: str, key: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Set one item."""
        if set(body) != {key}:
            raise Invalid("Request body and URI mismatch")
        self._change_specs(req, type_id, body)
        return body

    @api(status=202)
    def delete_extra_spec(self, req: Request, type_id: str, key: str) -> None:
        """Remove one item."""
        self._change_specs(req, type_id, {}, key)

    def _change_specs(
        self, req: Request, type_id: str, items: dict[str, str], *removed: str
    ) -> None:
        check_admin(req, _EXTRA_SPECS)
        known = self._get(req, type_id)
        self._conductor.update_extra_specs(
            req.context, type_id=known.id, items=items, removed=list(removed)
        )

    def encryption(self, req: Request, type_id: str) -> dict[str, Any]:
        """Return how volumes of a type are encrypted: they are not."""
        self._get(req, type_id)
        return {}

    # -------------------------------------------------------------------------------- access

    def list_access(self, req: Request, type_id: str) -> dict[str, Any]:
        """List the projects that can use a type that is not public."""
        check_admin(req, _ACCESS)
        known = self._get(req, type_id)
        if known.is_public:
            raise NotFound("Access list not available for public volume types.")
        return {
            "volume_type_access": [
                {"volume_type_id": known.id, "project_id": project_id}
                for project_id in volume_types.list_access(self._db, known.id)
            ]
        }

    @api(action="addProjectAccess", status=202, body=bodies.ADD_ACCESS)
    def add_access(self, req: Request, type_id: str, body: dict[str, Any]) -> None:
        """Let a project use a type that is not public."""
        check_admin(req, f"{_ACCESS}:addProjectAccess")
        self._conductor.add_access(
            req.context,
            type_id=self._get(req, type_id).id,
            project_id=body["addProjectAccess"]["project"],
        )

    @api(action="removeProjectAccess", status=202, body=bodies.REMOVE_ACCESS)
    def remove_access(self, req: Request, type_id: str, body: dict[str, Any]) -> None:
        """Take a type from a project."""
        check_admin(req, f"{_ACCESS}:removeProjectAccess")
        self._conductor.remove_access(
            req.context,
            type_id=self._get(req, type_id).id,
            project_id=body["removeProjectAccess"]["project"],
        )


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
