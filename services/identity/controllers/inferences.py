"""/v3/roles/{prior}/implies and /v3/role_inferences: which role carries which."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from devstack_lite.db import grants, standings
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Role
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity.callers import Callers
from services.identity.listing import base_url

Json = dict[str, Any]


class InferencesController:
    """Rules: an administrator's business. Those of the built-in roles stay."""

    def __init__(self, db: Database, callers: Callers, conductor: IdentityAPI) -> None:
        self._db = db
        self._callers = callers
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List all rules."""
        self._callers.admin(req, "identity:list_role_inference_rules")
        known = {one.id: one for one in rows.list_all(self._db, Role)}
        shown = [
            {
                "prior_role": _named(req, known[prior_id]),
                "implies": [_named(req, known[one]) for one in implied],
            }
            for prior_id, implied in self._rules(known).items()
        ]
        return {"role_inferences": shown, "links": {"self": req.url}}

    def of_role(self, req: Request, prior_id: str) -> Json:
        """List what one role implies."""
        self._callers.admin(req, "identity:list_implied_roles")
        prior = rows.get(self._db, Role, prior_id)
        known = {one.id: one for one in rows.list_all(self._db, Role)}
        implied = self._rules(known).get(prior_id, [])
        shown = {
            "prior_role": _named(req, prior),
            "implies": [_named(req, known[one]) for one in implied],
        }
        return {"role_inference": shown, "links": {"self": req.url}}

    def show(self, req: Request, prior_id: str, implied_id: str) -> Json:
        """Show a rule. Raises NotFound."""
        self._callers.admin(req, "identity:get_implied_role")
        return self._one(req, prior_id, implied_id)

    @api(status=204)
    def check(self, req: Request, prior_id: str, implied_id: str) -> None:
        """Say whether a rule is there. Raises NotFound."""
        self._callers.admin(req, "identity:check_implied_role")
        self._one(req, prior_id, implied_id)

    def create(self, req: Request, prior_id: str, implied_id: str) -> Reply:
        """Make a rule."""
        caller = self._callers.admin(req, "identity:create_implied_role")
        self._conductor.imply_role(caller.context, prior_id=prior_id, implied_id=implied_id)
        return Reply(body=self._one(req, prior_id, implied_id), status=201)

    @api(status=204)
    def delete(self, req: Request, prior_id: str, implied_id: str) -> None:
        """End a rule."""
        caller = self._callers.admin(req, "identity:delete_implied_role")
        self._conductor.unimply_role(caller.context, prior_id=prior_id, implied_id=implied_id)

    def _one(self, req: Request, prior_id: str, implied_id: str) -> Json:
        known = {one.id: one for one in rows.list_all(self._db, Role)}
        for role_id in (prior_id, implied_id):
            if role_id not in known:
                raise rows.missing(Role, role_id)
        if implied_id not in self._rules(known).get(prior_id, []):
            raise grants.rule_missing(prior_id, implied_id)
        shown = {
            "prior_role": _named(req, known[prior_id]),
            "implies": _named(req, known[implied_id]),
        }
        return {"role_inference": shown, "links": {"self": req.url}}

    def _rules(self, known: dict[str, Role]) -> dict[str, list[str]]:
        """Return the ids that each role implies, directly; built-in rules first."""
        by_name = {role.name: role.id for role in known.values()}
        found: dict[str, list[str]] = defaultdict(list)
        for prior, implied in standings.IMPLIED.items():
            if prior in by_name and implied in by_name:
                found[by_name[prior]].append(by_name[implied])
        for prior_id, implied_id in rows.list_rules(self._db):
            found[prior_id].append(implied_id)
        return found


def _named(req: Request, role: Role) -> Json:
    link = f"{base_url(req)}/roles/{role.id}"
    return {"id": role.id, "name": role.name, "links": {"self": link}}
