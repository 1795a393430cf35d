"""/v3/policies: documents that Keystone keeps and goes by as little as this does."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Policy
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import schemas, views
from services.identity.attributes import values_of
from services.identity.callers import Callers
from services.identity.listing import base_url, listed

Json = dict[str, Any]

_COLUMNS = ("type", "blob")


class PoliciesController:
    """Policies: an administrator's business."""

    def __init__(self, db: Database, callers: Callers, conductor: IdentityAPI) -> None:
        self._db = db
        self._callers = callers
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List policies."""
        self._callers.admin(req, "identity:list_policies")
        shown = [views.policy(one, base_url(req)) for one in rows.list_all(self._db, Policy)]
        return listed(req, "policies", shown)

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a policy."""
        self._callers.admin(req, "identity:get_policy")
        return {"policy": views.policy(rows.get(self._db, Policy, id), base_url(req))}

    @api(status=201, body=schemas.POLICY)
    def create(self, req: Request, body: Json) -> Json:
        """Keep a policy."""
        caller = self._callers.admin(req, "identity:create_policy")
        values = values_of(body["policy"], _COLUMNS, schemas.POLICY)
        policy = Policy(id=uuid.uuid4().hex, **values)
        made = self._conductor.create_policy(caller.context, policy=policy)
        return {"policy": views.policy(made, base_url(req))}

    @api(body=schemas.POLICY_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a policy."""
        caller = self._callers.admin(req, "identity:update_policy")
        values = values_of(body["policy"], _COLUMNS, schemas.POLICY)
        changed = self._conductor.update_policy(caller.context, policy_id=id, values=values)
        return {"policy": views.policy(changed, base_url(req))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a policy."""
        caller = self._callers.admin(req, "identity:delete_policy")
        self._conductor.delete_policy(caller.context, policy_id=id)
