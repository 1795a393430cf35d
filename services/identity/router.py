"""Identity's application: every URL in one table, and its controllers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from oslo_config import cfg

from devstack_lite.db.engine import Database
from devstack_lite.objects.identity import Group, User
from devstack_lite.rpc.transport import get_transport
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Route, Router, rows
from services.conductor.rpcapi.catalog_entries import CatalogEntriesAPI
from services.conductor.rpcapi.delegations import DelegationsAPI
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity.callers import Callers
from services.identity.catalog import Catalog
from services.identity.controllers.application_credentials import (
    ApplicationCredentialsController,
)
from services.identity.controllers.assignments import AssignmentsController
from services.identity.controllers.catalog_entries import (
    EndpointsController,
    RegionsController,
    ServicesController,
)
from services.identity.controllers.credentials import CredentialsController
from services.identity.controllers.domains import DomainsController
from services.identity.controllers.grants import GrantsController
from services.identity.controllers.groups import GroupsController
from services.identity.controllers.inferences import InferencesController
from services.identity.controllers.policies import PoliciesController
from services.identity.controllers.projects import ProjectsController
from services.identity.controllers.roles import RolesController
from services.identity.controllers.tokens import TokensController
from services.identity.controllers.trusts import TrustsController
from services.identity.controllers.users import UsersController
from services.identity.passwords import Passwords
from services.identity.tokens import TokenMaker
from services.identity.versions import VersionsController

TARGETS = (
    ("project", "projects/{target_id}"), ("domain", "domains/{target_id}"), ("system", "system"),
)  # fmt: skip
HOLDERS: dict[str, Any] = {"user": User, "group": Group}


def _crud(noun: str) -> list[Route]:
    return rows(
        noun,
        f"GET /v3/{noun} index",
        f"POST /v3/{noun} create",
        f"GET /v3/{noun}/{{id}} show",
        f"PATCH /v3/{noun}/{{id}} update",
        f"DELETE /v3/{noun}/{{id}} delete",
    )


def _grants(target_type: str, target: str, holder: str) -> list[Route]:
    path = f"/v3/{target}/{holder}s/{{holder_id}}/roles"
    return rows(
        f"{target_type}_{holder}_grants",
        f"GET {path} index",
        f"PUT {path}/{{role_id}} create",
        f"GET {path}/{{role_id}} check",
        f"HEAD {path}/{{role_id}} check",
        f"DELETE {path}/{{role_id}} delete",
    )


ROUTES = [
    *rows(
        "tokens",
        "GET /v3/auth/tokens show",
        "POST /v3/auth/tokens create",
        "HEAD /v3/auth/tokens check",
        "DELETE /v3/auth/tokens delete",
        "GET /v3/auth/catalog catalog",
        "GET /v3/auth/projects projects",
        "GET /v3/auth/domains domains",
        "GET /v3/auth/system system",
        "POST /v2.0/tokens create_v2",
    ),
    *rows("versions", "GET / index", "GET /v3 show"),
    *_crud("users"),
    *rows(
        "users",
        "GET /v3/users/{id}/projects projects",
        "POST /v3/users/{id}/password change_password",
    ),
    *_crud("projects"),
    *rows(
        "projects",
        "GET /v3/projects/{id}/tags tags",
        "PUT /v3/projects/{id}/tags set_tags",
        "DELETE /v3/projects/{id}/tags delete_tags",
        "GET /v3/projects/{id}/tags/{tag} check_tag",
        "HEAD /v3/projects/{id}/tags/{tag} check_tag",
        "PUT /v3/projects/{id}/tags/{tag} add_tag",
        "DELETE /v3/projects/{id}/tags/{tag} delete_tag",
    ),
    *_crud("roles"),
    *_crud("domains"),
    *_crud("groups"),
    *_crud("policies"),
    *rows(
        "groups",
        "GET /v3/groups/{group_id}/users members",
        "PUT /v3/groups/{group_id}/users/{user_id} add_member",
        "GET /v3/groups/{group_id}/users/{user_id} check_member",
        "HEAD /v3/groups/{group_id}/users/{user_id} check_member",
        "DELETE /v3/groups/{group_id}/users/{user_id} remove_member",
        "GET /v3/users/{user_id}/groups groups_of",
    ),
    *rows(
        "application_credentials",
        "GET /v3/users/{user_id}/application_credentials index",
        "POST /v3/users/{user_id}/application_credentials create",
        "GET /v3/users/{user_id}/application_credentials/{id} show",
        "DELETE /v3/users/{user_id}/application_credentials/{id} delete",
        "GET /v3/users/{user_id}/access_rules access_rules",
    ),
    *rows(
        "trusts",
        "GET /v3/OS-TRUST/trusts index",
        "POST /v3/OS-TRUST/trusts create",
        "GET /v3/OS-TRUST/trusts/{id} show",
        "DELETE /v3/OS-TRUST/trusts/{id} delete",
        "GET /v3/OS-TRUST/trusts/{id}/roles roles",
        "GET /v3/OS-TRUST/trusts/{id}/roles/{role_id} role",
        "HEAD /v3/OS-TRUST/trusts/{id}/roles/{role_id} role",
    ),
    *_crud("credentials"),
    *rows(
        "credentials",
        "GET /v3/users/{user_id}/credentials/OS-EC2 ec2_index",
        "POST /v3/users/{user_id}/credentials/OS-EC2 ec2_create",
        "GET /v3/users/{user_id}/credentials/OS-EC2/{access} ec2_show",
        "DELETE /v3/users/{user_id}/credentials/OS-EC2/{access} ec2_delete",
    ),
    *rows("assignments", "GET /v3/role_assignments index"),
    *rows(
        "inferences",
        "GET /v3/role_inferences index",
        "GET /v3/roles/{prior_id}/implies of_role",
        "PUT /v3/roles/{prior_id}/implies/{implied_id} create",
        "GET /v3/roles/{prior_id}/implies/{implied_id} show",
        "HEAD /v3/roles/{prior_id}/implies/{implied_id} check",
        "DELETE /v3/roles/{prior_id}/implies/{implied_id} delete",
    ),
    *(
        route
        for target_type, target in TARGETS
        for holder in HOLDERS
        for route in _grants(target_type, target, holder)
    ),
    *_crud("services"),
    *_crud("endpoints"),
    *_crud("regions"),
    *rows("regions", "PUT /v3/regions/{id} create_named"),
]


def factory(_global_conf: Any, **_local: Any) -> Router:
    """Paste application factory; runs in the worker, after the fork."""
    conf = cfg.CONF
    db = Database(conf.database.connection, pool_size=conf.database.pool_size)
    passwords = Passwords(conf.identity.password_hash_rounds)
    maker = TokenMaker(
        db,
        Path(conf.state_dir) / "identity" / "fernet.key",
        passwords=passwords,
        lifetime_s=conf.identity.token_expiration_s,
    )
    callers = Callers(maker)
    catalog = Catalog(db, conf.endpoints, conf.region)
    conductor = IdentityAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    entries = CatalogEntriesAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    delegations = DelegationsAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    controllers: dict[str, Any] = {
        "tokens": TokensController(db, maker, callers, catalog, conductor, delegations),
        "application_credentials": ApplicationCredentialsController(
            db, callers, passwords, delegations
        ),
        "trusts": TrustsController(db, callers, delegations),
        "credentials": CredentialsController(db, callers, delegations),
        "versions": VersionsController(),
        "users": UsersController(db, maker, callers, passwords, conductor),
        "projects": ProjectsController(db, callers, conductor),
        "roles": RolesController(db, callers, conductor),
        "domains": DomainsController(db, callers, conductor),
        "groups": GroupsController(db, callers, conductor),
        "policies": PoliciesController(db, callers, conductor),
        "assignments": AssignmentsController(db, callers),
        "inferences": InferencesController(db, callers, conductor),
        "services": ServicesController(callers, catalog, entries),
        "endpoints": EndpointsController(callers, catalog, entries),
        "regions": RegionsController(callers, catalog, entries),
        **{
            f"{target_type}_{holder}_grants": GrantsController(
                db, callers, conductor, target_type, kind
            )
            for target_type, _target in TARGETS
            for holder, kind in HOLDERS.items()
        },
    }
    return Router(ROUTES, {name: Resource(one) for name, one in controllers.items()})
