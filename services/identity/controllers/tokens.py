"""/v3/auth and /v2.0/tokens."""

from __future__ import annotations

import logging
import time
from typing import Any

from devstack_lite import failpoints
from devstack_lite.db import identity as rows
from devstack_lite.db import standings
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound, Unauthorized
from devstack_lite.objects.identity import Domain, Project
from devstack_lite.steps import TRACE_HEADER, StepRecord, log_extra, point_of, to_header
from devstack_lite.wsgi.request import STARTED, Reply, Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.delegations import DelegationsAPI
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity import schemas, views
from services.identity.callers import Caller, Callers
from services.identity.catalog import Catalog
from services.identity.delegated import NO
from services.identity.listing import base_url, is_set, listed
from services.identity.tokens import TokenMaker

LOG = logging.getLogger(__name__)

Json = dict[str, Any]

VALIDATION_STEP = 3
"""Under which identity's own work is recorded; whoever asked records its own step around it."""


class TokensController:
    """Issues, validates and revokes tokens; says what a token's user may go on to."""

    def __init__(
        self,
        db: Database,
        maker: TokenMaker,
        callers: Callers,
        catalog: Catalog,
        conductor: IdentityAPI,
        delegations: DelegationsAPI,
    ) -> None:
        self._delegations = delegations
        self._db = db
        self._maker = maker
        self._callers = callers
        self._catalog = catalog
        self._conductor = conductor

    @api(status=201, body=schemas.AUTH)
    def create(self, req: Request, body: Json) -> Reply:
        """Issue a token: step 1."""
        started_at = float(req.environ[STARTED])
        with failpoints.around(point_of(1), request_id=_global_id(req)):
            sealed, token, standing = self._maker.issue(body["auth"], started_at=started_at)
        if standing.trust is not None and standing.trust.remaining_uses is not None:
            self._use_trust(req, standing.trust.id)
        LOG.info("step 1: a token for %s", standing.user.name)
        shown = {"token": views.token(token, standing, self._catalog_for(req))}
        return Reply(body=shown, status=201, headers=_headers(sealed))

    @api(body=schemas.AUTH_V2)
    def create_v2(self, req: Request, body: Json) -> Json:
        """Issue a token as Keystone's v2.0 did."""
        started_at = float(req.environ[STARTED])
        with failpoints.around(point_of(1), request_id=_global_id(req)):
            sealed, token, standing = self._maker.issue(_to_v3(body["auth"]), started_at=started_at)
        return {"access": views.token_v2(sealed, token, standing, self._catalog)}

    def _use_trust(self, req: Request, trust_id: str) -> None:
        """Count a use. Raises Unauthorized when somebody else had the last one meanwhile."""
        try:
            self._delegations.use_trust(self._callers.context_of(req), trust_id=trust_id)
        except NotFound as error:
            raise Unauthorized(NO) from error

    def show(self, req: Request) -> Reply:
        """Validate a token, for whoever has it or for an administrator."""
        began_at, began = time.time(), time.monotonic()
        caller = self._callers.of(req)
        sealed = req.headers.get("X-Subject-Token", "")
        subject = self._subject(req, sealed, caller, "identity:validate_token")
        shown = {"token": views.token(subject.token, subject.standing, self._catalog_for(req))}
        headers = _headers(sealed)
        if req.headers.get(TRACE_HEADER):
            own = StepRecord.here(VALIDATION_STEP, began_at, time.monotonic() - began)
            LOG.info("a token of %s is valid", subject.standing.user.name,
                     extra=log_extra(req.headers[TRACE_HEADER]))  # fmt: skip
            headers[TRACE_HEADER] = to_header(issued=subject.token.issued, validated=own)
        return Reply(body=shown, headers=headers)

    def check(self, req: Request) -> Reply:
        """Say whether a token is valid, without showing it."""
        self.show(req)
        return Reply(status=200)

    def delete(self, req: Request) -> Reply:
        """Revoke a token, for whoever has it or for an administrator."""
        caller = self._callers.of(req)
        sealed = req.headers.get("X-Subject-Token", "")
        token = self._subject(req, sealed, caller, "identity:revoke_token").token
        self._conductor.revoke_token(
            caller.context, audit_id=token.audit_ids[0], expires_at=token.expires
        )
        return Reply(status=204)

    def _subject(self, req: Request, sealed: str, caller: Caller, rule: str) -> Caller:
        """Return whom the subject's token is of. Raises NotFound, Forbidden."""
        if sealed == req.headers.get("X-Auth-Token"):
            return caller
        try:
            token = self._maker.open(sealed)
            standing = self._maker.stand(token)
        except Unauthorized as error:
            raise NotFound("Could not find token.", kind="token") from error
        if token.user_id != caller.token.user_id:
            caller.require_admin(rule)
        return Caller(token=token, standing=standing)

    def catalog(self, req: Request) -> Json:
        """Show the caller's catalog."""
        project_id = self._callers.of(req).token.scope.project_id
        return {"catalog": self._catalog.view(project_id), "links": {"self": req.url}}

    def projects(self, req: Request) -> Json:
        """List the projects that the caller can get a token for."""
        user_id = self._callers.of(req).token.user_id
        found = rows.list_targets_of(self._db, Project, user_id)
        shown = [views.project(one, base_url(req)) for one in found if one.enabled]
        return listed(req, "projects", shown)

    def domains(self, req: Request) -> Json:
        """List the domains that the caller can get a token for."""
        user_id = self._callers.of(req).token.user_id
        found = rows.list_targets_of(self._db, Domain, user_id)
        shown = [views.domain(one, base_url(req)) for one in found if one.enabled]
        return listed(req, "domains", shown)

    def system(self, req: Request) -> Json:
        """Say whether the caller can get a token for the system."""
        user_id = self._callers.of(req).token.user_id
        held = standings.get_standing(self._db, user_id=user_id, target_id=rows.SYSTEM_ID)
        system = [{"all": True}] if held.roles else []
        return {"system": system, "links": {"self": req.url}}

    def _catalog_for(self, req: Request) -> Catalog | None:
        return None if is_set(req, "nocatalog") else self._catalog


def _global_id(req: Request) -> str:
    """Return the id that the caller gave its request; a token's request has no context yet."""
    return str(req.headers.get("X-OpenStack-Request-ID", ""))


def _headers(sealed: str) -> dict[str, str]:
    return {"X-Subject-Token": sealed, "Vary": "X-Auth-Token"}


def _to_v3(auth: Json) -> Json:
    """Return the v3 form of a v2.0 `auth` object, whose names are of the default domain."""
    domain = {"id": rows.DEFAULT_DOMAIN_ID}
    if "token" in auth:
        identity: Json = {"methods": ["token"], "token": auth["token"]}
    else:
        own = auth["passwordCredentials"]
        user = {"id": own.get("userId"), "name": own.get("username"), "domain": domain}
        identity = {
            "methods": ["password"],
            "password": {"user": {**user, "password": own["password"]}},
        }
    wanted: Json = {"identity": identity}
    if auth.get("tenantId") or auth.get("tenantName"):
        project = {"id": auth.get("tenantId"), "name": auth.get("tenantName"), "domain": domain}
        wanted["scope"] = {"project": project}
    return wanted
