"""/v2.0/quotas."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import network_quotas as rows
from devstack_lite.db.engine import Database
from devstack_lite.db.network_quotas import COUNTED, UNLIMITED
from devstack_lite.exceptions import Forbidden, NotFound
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.network_quotas import NetworkQuotasAPI
from services.network.access import is_true
from services.network.schemas import FLAG, Schema, one

Json = dict[str, Any]

_LIMIT: Schema = {  # the openstack client sends numbers, older ones text
    "type": ["integer", "string"],
    "minimum": UNLIMITED,
    "maximum": 2**31 - 1,
    "pattern": "^(-1|[0-9]{1,9})$",
}
_FLAGS: Schema = {"force": FLAG, "check_limit": FLAG}
QUOTA: Schema = {**dict.fromkeys(COUNTED, _LIMIT), **_FLAGS}


class QuotasController:
    """What projects may have; an administrator says so."""

    def __init__(self, db: Database, conductor: NetworkQuotasAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List the quotas that were set."""
        _require_admin(req, "get_quota")
        return {
            "quotas": [
                {"project_id": project_id, "tenant_id": project_id, **_all(limits)}
                for project_id, limits in rows.all_limits(self._db).items()
            ]
        }

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a project's quota."""
        _check_quota_of(req, id)
        return {"quota": rows.limits_of(self._db, id)}

    def default(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show what a project's quota is when none was set: nothing is limited."""
        _check_quota_of(req, id)
        return {"quota": _all({})}

    def details(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a project's quota, and how much of it is used."""
        _check_quota_of(req, id)
        limits, used = rows.limits_of(self._db, id), rows.count_of(self._db, id)
        return {
            "quota": {
                name: {"limit": limits[name], "used": used[name], "reserved": 0} for name in COUNTED
            }
        }

    @api(body=one("quota", QUOTA))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Set some limits of a project."""
        _require_admin(req, "update_quota")
        wanted = body["quota"]
        limits = {name: int(wanted[name]) for name in COUNTED if name in wanted}
        is_checked = is_true(wanted.get("check_limit")) and not is_true(wanted.get("force"))
        self._conductor.set_limits(req.context, project_id=id, limits=limits, is_checked=is_checked)
        return {"quota": rows.limits_of(self._db, id)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Take a project's limits away."""
        _require_admin(req, "delete_quota")
        if not self._conductor.forget_limits(req.context, project_id=id):
            raise _not_found(id)


def _all(limits: dict[str, int]) -> dict[str, int]:
    return dict.fromkeys(COUNTED, UNLIMITED) | limits


def _require_admin(req: Request, rule: str) -> None:
    if not req.context.is_admin:
        raise Forbidden(f"(rule:{rule}) is disallowed by policy")


def _check_quota_of(req: Request, project_id: str) -> None:
    if not req.context.is_admin and project_id != req.context.project_id:
        raise _not_found(project_id)


def _not_found(project_id: str) -> NotFound:
    return NotFound(f"Quota for tenant {project_id} could not be found.", kind="tenantQuota")
