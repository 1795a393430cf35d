"""What identity answers. It has no authtoken filter before it: it checks X-Auth-Token itself."""

from __future__ import annotations

import time
from typing import Any

from devstack_lite.context import RequestContext
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound, Unauthorized
from devstack_lite.objects.identity import Assignment, Domain, Project, Role, Standing, User
from devstack_lite.steps import TRACE_HEADER, StepRecord, to_header
from devstack_lite.wsgi.request import STARTED, Reply, Request
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import views
from services.identity.catalog import Catalog
from services.identity.tokens import Token, TokenMaker, require_admin

Json = dict[str, Any]

VALIDATION_STEP = 3
"""Under which identity's own work is recorded; whoever asked records its own step around it."""


class Caller:
    """Finds out who asks."""

    def __init__(self, maker: TokenMaker) -> None:
        self._maker = maker

    def of(self, req: Request) -> tuple[Token, Standing]:
        """Return the caller's token. Raises Unauthorized."""
        sealed = req.headers.get("X-Auth-Token")
        if not sealed:
            raise Unauthorized("The request you have made requires authentication.")
        token = self._maker.open(sealed)
        return token, self._maker.stand(token)


class TokensController:
    """/v3/auth/tokens and /v2.0/tokens."""

    def __init__(self, maker: TokenMaker, catalog: Catalog, conductor: IdentityAPI) -> None:
        self._maker = maker
        self._caller = Caller(maker)
        self._catalog = catalog
        self._conductor = conductor

    def create(self, req: Request) -> Reply:
        """Issue a token: step 1."""
        auth = req.json_object().get("auth")
        if not isinstance(auth, dict):
            raise Invalid("Expecting to find auth in request body.")
        sealed, token, standing = self._maker.issue(auth, started_at=float(req.environ[STARTED]))
        catalog = None if "nocatalog" in req.GET else self._catalog
        body = {"token": views.token(token, standing, catalog)}
        return Reply(body=body, status=201, headers={"X-Subject-Token": sealed,
                                                     "Vary": "X-Auth-Token"})  # fmt: skip

    def create_v2(self, req: Request) -> Json:
        """Issue a token as Keystone's v2.0 did."""
        auth = req.json_object().get("auth")
        if not isinstance(auth, dict):
            raise Invalid("Expecting to find auth in request body.")
        sealed, token, standing = self._maker.issue(
            _to_v3(auth), started_at=float(req.environ[STARTED])
        )
        return {"access": views.token_v2(sealed, token, standing, self._catalog)}

    def show(self, req: Request) -> Reply:
        """Validate a token, for whoever has it or for an administrator."""
        began_at, began = time.time(), time.monotonic()
        sealed = req.headers.get("X-Subject-Token", "")
        if sealed == req.headers.get("X-Auth-Token"):
            token, standing = self._caller.of(req)
        else:
            caller, standing = self._caller.of(req)
            token, standing = self._subject(sealed, caller, standing)
        catalog = None if "nocatalog" in req.GET else self._catalog
        body = {"token": views.token(token, standing, catalog)}
        headers = {"X-Subject-Token": sealed, "Vary": "X-Auth-Token"}
        if req.headers.get(TRACE_HEADER):
            own = StepRecord.here(VALIDATION_STEP, began_at, time.monotonic() - began)
            headers[TRACE_HEADER] = to_header(issued=token.issued, validated=own)
        return Reply(body=body, headers=headers)

    def check(self, req: Request) -> Reply:
        """Say whether a token is valid, without showing it."""
        self.show(req)
        return Reply(status=200)

    def delete(self, req: Request) -> Reply:
        """Revoke a token."""
        caller, standing = self._caller.of(req)
        sealed = req.headers.get("X-Subject-Token", "")
        token, _ = self._subject(sealed, caller, standing)
        context = RequestContext(user_id=caller.user_id, project_id=caller.project_id)
        self._conductor.revoke_token(context, audit_id=token.audit_id, expires_at=token.expires)
        return Reply(status=204)

    def _subject(self, sealed: str, caller: Token, standing: Standing) -> tuple[Token, Standing]:
        try:
            token = self._maker.open(sealed)
            own = self._maker.stand(token)
        except Unauthorized as error:
            raise NotFound("Could not find token.") from error
        if token.user_id != caller.user_id:
            require_admin(standing, "identity:validate_token")
        return token, own

    def catalog(self, req: Request) -> Json:
        """Show the caller's catalog."""
        token, _ = self._caller.of(req)
        return {"catalog": self._catalog.view(token.project_id), "links": {"self": req.url}}


def _to_v3(auth: Json) -> Json:
    """Return the v3 form of a v2.0 `auth` object. Raises Invalid."""
    credentials = auth.get("passwordCredentials")
    parent = auth.get("token")
    if isinstance(credentials, dict):
        identity: Json = {
            "methods": ["password"],
            "password": {
                "user": {
                    "id": credentials.get("userId"),
                    "name": credentials.get("username"),
                    "password": credentials.get("password", ""),
                }
            },
        }
    elif isinstance(parent, dict):
        identity = {"methods": ["token"], "token": {"id": parent.get("id")}}
    else:
        raise Invalid("Expecting to find passwordCredentials or token in auth.")
    wanted: Json = {"identity": identity}
    if auth.get("tenantId") or auth.get("tenantName"):
        wanted["scope"] = {"project": {"id": auth.get("tenantId"), "name": auth.get("tenantName")}}
    return wanted


class ThingsController:
    """Users, projects, domains, roles, assignments, services, endpoints and regions: to read."""

    def __init__(self, db: Database, maker: TokenMaker, catalog: Catalog) -> None:
        self._db = db
        self._caller = Caller(maker)
        self._catalog = catalog

    def auth_projects(self, req: Request) -> Json:
        """List the projects that the caller has a role on."""
        token, _ = self._caller.of(req)
        found = rows.list_projects_of(self._db, token.user_id)
        return _listed(req, "projects", [views.project(one, _base(req)) for one in found])

    def auth_domains(self, req: Request) -> Json:
        """List the domains that the caller has a role on: none, roles are on projects."""
        self._caller.of(req)
        return _listed(req, "domains", [])

    def users(self, req: Request) -> Json:
        """List users."""
        self._admin(req, "identity:list_users")
        shown = [views.user(one, _base(req)) for one in rows.list_all(self._db, User)]
        return _listed(req, "users", _filtered(req, shown))

    def projects(self, req: Request) -> Json:
        """List projects."""
        self._admin(req, "identity:list_projects")
        shown = [views.project(one, _base(req)) for one in rows.list_all(self._db, Project)]
        return _listed(req, "projects", _filtered(req, shown))

    def domains(self, req: Request) -> Json:
        """List domains."""
        self._admin(req, "identity:list_domains")
        shown = [views.domain(one, _base(req)) for one in rows.list_all(self._db, Domain)]
        return _listed(req, "domains", _filtered(req, shown))

    def roles(self, req: Request) -> Json:
        """List roles."""
        self._admin(req, "identity:list_roles")
        shown = [views.role(one, _base(req)) for one in rows.list_all(self._db, Role)]
        return _listed(req, "roles", _filtered(req, shown))

    def user(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a user: an administrator any, others themselves."""
        token, standing = self._caller.of(req)
        if id != token.user_id:
            require_admin(standing, "identity:get_user")
        found = rows.find_user(self._db, user_id=id, name=None, domain="")
        return {"user": views.user(found, _base(req))}

    def project(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a project: an administrator any, others the one they work on."""
        token, standing = self._caller.of(req)
        if id != token.project_id:
            require_admin(standing, "identity:get_project")
        found = rows.find_project(self._db, project_id=id, name=None, domain="")
        return {"project": views.project(found, _base(req))}

    def domain(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a domain."""
        self._caller.of(req)
        return {"domain": self._one(req, Domain, id)}

    def role(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a role."""
        self._admin(req, "identity:get_role")
        return {"role": self._one(req, Role, id)}

    def _one(self, req: Request, kind: type[Domain | Role], wanted: str) -> Json:
        for one in rows.list_all(self._db, kind):
            if one.id == wanted:
                if isinstance(one, Domain):
                    return views.domain(one, _base(req))
                return views.role(one, _base(req))
        raise NotFound(f"Could not find {kind.__name__.lower()}: {wanted}.")

    def role_assignments(self, req: Request) -> Json:
        """List who has which role on which project, with names when asked."""
        self._admin(req, "identity:list_role_assignments")
        names: dict[str, str] = {}
        if "include_names" in req.GET:
            names |= {one.id: one.name for one in rows.list_all(self._db, User)}
            names |= {one.id: one.name for one in rows.list_all(self._db, Project)}
            names |= {one.id: one.name for one in rows.list_all(self._db, Role)}
        wanted = {
            "user_id": req.GET.get("user.id"),
            "role_id": req.GET.get("role.id"),
            "target_id": req.GET.get("scope.project.id"),
        }
        shown = [
            _assignment(one, names)
            for one in rows.list_all(self._db, Assignment)
            if all(value in {None, getattr(one, key)} for key, value in wanted.items())
        ]
        return _listed(req, "role_assignments", shown)

    def services(self, req: Request) -> Json:
        """List services."""
        self._admin(req, "identity:list_services")
        return _listed(req, "services", _filtered(req, self._catalog.services()))

    def endpoints(self, req: Request) -> Json:
        """List endpoints."""
        self._admin(req, "identity:list_endpoints")
        return _listed(req, "endpoints", _filtered(req, self._catalog.endpoints()))

    def regions(self, req: Request) -> Json:
        """List regions."""
        self._caller.of(req)
        return _listed(req, "regions", self._catalog.regions())

    def _admin(self, req: Request, rule: str) -> None:
        _, standing = self._caller.of(req)
        require_admin(standing, rule)


def _assignment(one: Assignment, names: dict[str, str]) -> Json:
    def named(thing_id: str) -> Json:
        if not names:
            return {"id": thing_id}
        return {"id": thing_id, "name": names.get(thing_id), "domain": views.DEFAULT_DOMAIN}

    scope: Json = {"system": {"all": True}}
    if one.target_type == "project":
        scope = {"project": named(one.target_id)}
    return {"user": named(one.user_id), "role": named(one.role_id), "scope": scope, "links": {}}


def _filtered(req: Request, shown: list[Json]) -> list[Json]:
    """Keep what has the values that the query string names."""
    for key, value in req.GET.items():
        shown = [one for one in shown if key not in one or str(one[key]) == value]
    return shown


def _listed(req: Request, name: str, shown: list[Json]) -> Json:
    return {name: shown, "links": {"self": req.url, "previous": None, "next": None}}


def _base(req: Request) -> str:
    return f"{req.application_url}/v3"
