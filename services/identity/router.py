"""Identity's application: every URL in one table, and its controllers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from oslo_config import cfg

from devstack_lite.db.engine import Database
from devstack_lite.rpc.server import get_transport
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Route, Router, rows
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity.callers import Callers
from services.identity.catalog import Catalog
from services.identity.controllers.facts import FactsController
from services.identity.controllers.grants import GrantsController
from services.identity.controllers.projects import ProjectsController
from services.identity.controllers.roles import RolesController
from services.identity.controllers.tokens import TokensController
from services.identity.controllers.users import UsersController
from services.identity.passwords import Passwords
from services.identity.tokens import TokenMaker
from services.identity.versions import VersionsController


def _crud(noun: str) -> list[Route]:
    return rows(
        noun,
        f"GET /v3/{noun} index",
        f"POST /v3/{noun} create",
        f"GET /v3/{noun}/{{id}} show",
        f"PATCH /v3/{noun}/{{id}} update",
        f"DELETE /v3/{noun}/{{id}} delete",
    )


def _grants(target_type: str, target: str) -> list[Route]:
    path = f"/v3/{target}/users/{{user_id}}/roles"
    return rows(
        f"{target_type}_grants",
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
    *_crud("roles"),
    *rows(
        "roles",
        "GET /v3/role_assignments assignments",
        "GET /v3/role_inferences inferences",
    ),
    *_grants("project", "projects/{target_id}"),
    *_grants("domain", "domains/{target_id}"),
    *_grants("system", "system"),
    *rows(
        "facts",
        "GET /v3/domains domains",
        "GET /v3/domains/{id} domain",
        "GET /v3/services services",
        "GET /v3/services/{id} service",
        "GET /v3/endpoints endpoints",
        "GET /v3/endpoints/{id} endpoint",
        "GET /v3/regions regions",
        "GET /v3/regions/{id} region",
    ),
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
    catalog = Catalog(conf.endpoints, conf.region)
    conductor = IdentityAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    controllers: dict[str, Any] = {
        "tokens": TokensController(db, maker, callers, catalog, conductor),
        "versions": VersionsController(),
        "users": UsersController(db, maker, callers, passwords, conductor),
        "projects": ProjectsController(db, callers, conductor),
        "roles": RolesController(db, callers, conductor),
        "facts": FactsController(db, callers, catalog),
        **{
            f"{target_type}_grants": GrantsController(db, callers, conductor, target_type)
            for target_type in ("project", "domain", "system")
        },
    }
    return Router(ROUTES, {name: Resource(one) for name, one in controllers.items()})
