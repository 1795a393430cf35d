"""/v3/credentials, and those of EC2's kind under /v3/users/{user}/credentials/OS-EC2."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from devstack_lite.db import delegations as rows
from devstack_lite.db import identity
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.delegation import Credential
from devstack_lite.objects.identity import Project, User
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.delegations import DelegationsAPI
from services.identity import delegation_schemas as schemas
from services.identity import delegation_views as views
from services.identity.callers import Caller, Callers
from services.identity.listing import base_url, listed

Json = dict[str, Any]

EC2 = "ec2"


class CredentialsController:
    """Users keep their own; an administrator everybody's."""

    def __init__(self, db: Database, callers: Callers, conductor: DelegationsAPI) -> None:
        self._db = db
        self._callers = callers
        self._conductor = conductor

    # ------------------------------------------------------------------------- of any type

    def index(self, req: Request) -> Json:
        """List credentials: an administrator all, others their own."""
        caller = self._callers.of(req)
        user_id = None if caller.is_admin else caller.standing.user.id
        found = rows.list_where(self._db, Credential, user_id=user_id)
        return listed(req, "credentials", [views.credential(one, base_url(req)) for one in found])

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a credential."""
        found, _ = self._one(req, id, "identity:get_credential")
        return {"credential": views.credential(found, base_url(req))}

    @api(status=201, body=schemas.CREDENTIAL)
    def create(self, req: Request, body: Json) -> Json:
        """Keep a credential; one of EC2's kind has the id that follows from its access key."""
        wanted = body["credential"]
        caller = self._of_user(req, wanted["user_id"], "identity:create_credential")
        credential = Credential(
            id=_id_of(wanted) or uuid.uuid4().hex,
            type=wanted["type"],
            blob=wanted["blob"],
            user_id=wanted["user_id"],
            project_id=wanted.get("project_id"),
        )
        made = self._conductor.create_credential(caller.context, credential=credential)
        return {"credential": views.credential(made, base_url(req))}

    @api(body=schemas.CREDENTIAL_CHANGE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a credential; whose it is, only an administrator may."""
        found, caller = self._one(req, id, "identity:update_credential")
        wanted = body["credential"]
        if wanted.get("user_id", found.user_id) != caller.standing.user.id:
            caller.require_admin("identity:update_credential")
        _id_of({**views.credential(found, ""), **wanted})
        changed = self._conductor.update_credential(caller.context, credential_id=id, values=wanted)
        return {"credential": views.credential(changed, base_url(req))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a credential."""
        _, caller = self._one(req, id, "identity:delete_credential")
        self._conductor.delete_credential(caller.context, credential_id=id)

    # -------------------------------------------------------------------------- access keys

    def ec2_index(self, req: Request, user_id: str) -> Json:
        """List a user's access keys."""
        self._of_user(req, user_id, "identity:ec2_list_credentials")
        identity.get(self._db, User, user_id)
        found = rows.list_where(self._db, Credential, user_id=user_id, type=EC2)
        return listed(req, "credentials", [views.ec2(one, base_url(req)) for one in found])

    def ec2_show(self, req: Request, user_id: str, access: str) -> Json:
        """Show an access key."""
        self._of_user(req, user_id, "identity:ec2_get_credential")
        return {"credential": views.ec2(self._access_key(user_id, access), base_url(req))}

    @api(status=201, body=schemas.EC2)
    def ec2_create(self, req: Request, user_id: str, body: Json) -> Json:
        """Make an access key for a user on a project."""
        caller = self._of_user(req, user_id, "identity:ec2_create_credential")
        user = identity.get(self._db, User, user_id)
        project = identity.get(self._db, Project, body["tenant_id"])
        access = uuid.uuid4().hex
        credential = Credential(
            id=_hash(access),
            type=EC2,
            blob=json.dumps({"access": access, "secret": uuid.uuid4().hex, "trust_id": None}),
            user_id=user.id,
            project_id=project.id,
        )
        made = self._conductor.create_credential(caller.context, credential=credential)
        return {"credential": views.ec2(made, base_url(req))}

    @api(status=204)
    def ec2_delete(self, req: Request, user_id: str, access: str) -> None:
        """Remove an access key."""
        caller = self._of_user(req, user_id, "identity:ec2_delete_credential")
        found = self._access_key(user_id, access)
        self._conductor.delete_credential(caller.context, credential_id=found.id)

    def _access_key(self, user_id: str, access: str) -> Credential:
        found = rows.list_where(self._db, Credential, id=_hash(access), user_id=user_id, type=EC2)
        if not found:
            raise NotFound(f"Could not find credential: {access}.", kind="credential")
        return found[0]

    def _of_user(self, req: Request, user_id: str, rule: str) -> Caller:
        caller = self._callers.of(req)
        if user_id != caller.standing.user.id:
            caller.require_admin(rule)
        return caller

    def _one(self, req: Request, credential_id: str, rule: str) -> tuple[Credential, Caller]:
        """Return a credential that the caller may see, and the caller. Raises NotFound."""
        caller = self._callers.of(req)
        found = rows.get(self._db, Credential, credential_id)
        if found.user_id != caller.standing.user.id:
            caller.require_admin(rule)
        return found, caller


def _id_of(wanted: Json) -> str | None:
    """Return the id of an access key; None for another type. Raises Invalid for half a key."""
    if wanted["type"] != EC2:
        return None
    try:
        access = json.loads(wanted["blob"])["access"]
    except (ValueError, TypeError, KeyError) as error:
        raise Invalid("Invalid blob in credential") from error
    if wanted.get("project_id") is None:
        raise Invalid("Invalid credential: an ec2 credential needs a project_id.")
    return _hash(str(access))


def _hash(access: str) -> str:
    return hashlib.sha256(access.encode()).hexdigest()
