"""/os-quota-sets and /os-quota-class-sets: what projects may have, and have."""

from __future__ import annotations

from devstack_lite.db import instances, server_groups, user_quotas
from devstack_lite.db.engine import Database
from devstack_lite.db.quota_limits import DEFAULT_CLASS, Scope, user_key
from devstack_lite.db.quotas import COUNTED
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import authorize, require_admin
from services.api.quotas import ProjectQuotas
from services.api.schemas import queries
from services.api.schemas import quotas as schemas
from services.api.schemas.parameters import is_true
from services.conductor.rpcapi.quotas import QuotasAPI

_RULE = "os_compute_api:os-quota-sets"
_CLASS_RULE = "os_compute_api:os-quota-class-sets"
OF_USERS = (*COUNTED, "key_pairs")
"""What a user may have less of than the project."""
USER_ID_LENGTH = 64
_NETWORKS = {"fixed_ips", "floating_ips", "security_groups", "security_group_rules"}


class QuotasController:
    """Limits of projects, and of users in them."""

    def __init__(self, db: Database, conductor: QuotasAPI, quotas: ProjectQuotas) -> None:
        self._db = db
        self._conductor = conductor
        self._quotas = quotas

    @api(query=queries.QUOTAS)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a project's limits, or those of a user in it."""
        authorize(req.context, f"{_RULE}:show", project_id=id)
        return {"quota_set": {"id": id, **_known(req, self._quotas.of(id, _user(req)))}}

    @api(query=queries.ANYTHING)
    def defaults(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show the limits of a project for which none were set."""
        authorize(req.context, f"{_RULE}:defaults", project_id=id)
        return {"quota_set": {"id": id, **_known(req, self._quotas.of(None))}}

    @api(query=queries.QUOTAS)
    def detail(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show limits beside what is used, of a project or of a user in it."""
        authorize(req.context, f"{_RULE}:detail", project_id=id)
        groups = server_groups.list_groups(self._db, project_id=id)
        user_id = _user(req)
        of_servers = (
            user_quotas.get_usage(self._db, id, user_id)
            if user_id
            else instances.get_usage(self._db, id)
        )
        used = {**of_servers, "server_groups": len(groups)}
        return {
            "quota_set": {
                "id": id,
                **{
                    name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0}
                    for name, limit in _known(req, self._quotas.of(id, user_id)).items()
                },
            }
        }

    @api(body=schemas.quota_set, query=queries.QUOTAS)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Set limits of a project or of a user in it; not below what is used, unless forced to."""
        require_admin(req.context, f"{_RULE}:update")
        user_id = _user(req)
        asked = body["quota_set"]
        values = {name: int(limit) for name, limit in asked.items() if name != "force"}
        is_forced = is_true(asked.get("force"))
        if user_id is not None:
            _check_of_user(values, self._quotas.of(id), is_forced=is_forced)
        self._conductor.update_limits(
            req.context, scope=Scope.USER if user_id else Scope.PROJECT,
            name=user_key(id, user_id) if user_id else id, values=values, is_forced=is_forced,
        )  # fmt: skip
        return {"quota_set": _known(req, self._quotas.of(id, user_id))}

    @api(status=202, query=queries.QUOTAS)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Give a project the default limits again, or a user the project's."""
        require_admin(req.context, f"{_RULE}:delete")
        self._conductor.delete_limits(req.context, project_id=id, user_id=_user(req))

    def show_class(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a class's limits; of those but `default` nobody takes notice, as in Nova."""
        require_admin(req.context, f"{_CLASS_RULE}:show")
        return {"quota_class_set": {"id": id, **self._of_class(req)}}

    @api(body=schemas.class_set)
    def update_class(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Set a class's limits: those of `default` are every project's that has none of its own."""
        require_admin(req.context, f"{_CLASS_RULE}:update")
        values = {name: int(limit) for name, limit in body["quota_class_set"].items()}
        self._conductor.update_limits(
            req.context, scope=Scope.CLASS, name=id, values=values, is_forced=True
        )
        shown = self._of_class(req)
        return {"quota_class_set": shown if id == DEFAULT_CLASS else {**shown, **values}}

    def _of_class(self, req: Request) -> dict[str, int]:
        """Return the default class's limits; those of server groups came with 2.50."""
        limits = _known(req, self._quotas.of(None), networks_until=49)
        return {
            name: limit
            for name, limit in limits.items()
            if req.since(2, 50) or not name.startswith("server_g")
        }


def _known(req: Request, limits: dict[str, int], *, networks_until: int = 35) -> dict[str, int]:
    """Return the limits that the request's microversion knows."""
    return {
        name: limit
        for name, limit in limits.items()
        if not (name in _NETWORKS and req.since(2, networks_until + 1))
        and not (name.startswith("injected_") and req.since(2, 57))
    }


def _user(req: Request) -> str | None:
    """Return the user whose limits in the project are meant. Raises Invalid for no id of a user."""
    user_id = req.GET.get("user_id") or None
    if user_id is not None and len(user_id) > USER_ID_LENGTH:
        raise Invalid(f"A user's id has {USER_ID_LENGTH} characters at most.")
    return user_id


def _check_of_user(values: dict[str, int], of_project: dict[str, int], *, is_forced: bool) -> None:
    """Raise Invalid for what users have no limit of, and for more than the project may have."""
    for name, limit in values.items():
        if name not in OF_USERS:
            raise Invalid(f"Users have no quota of {name} of their own here, only projects have.")
        most = of_project[name]
        if not is_forced and most >= 0 and not 0 <= limit <= most:
            raise Invalid(
                f"Quota limit {limit} for {name} must be less than or equal to {most}.",
                kind="quota",
            )
