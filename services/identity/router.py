"""Identity's application: every URL in one table, and its controllers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from oslo_config import cfg

from devstack_lite.db.engine import Database
from devstack_lite.rpc.server import get_transport
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Router, rows
from services.conductor.rpcapi.identity import IdentityAPI
from services.identity.catalog import Catalog
from services.identity.controllers import ThingsController, TokensController
from services.identity.tokens import TokenMaker
from services.identity.versions import VersionsController

ROUTES = [
    *rows(
        "tokens",
        "GET /v3/auth/tokens show",
        "POST /v3/auth/tokens create",
        "HEAD /v3/auth/tokens check",
        "DELETE /v3/auth/tokens delete",
        "GET /v3/auth/catalog catalog",
        "POST /v2.0/tokens create_v2",
    ),
    *rows("versions", "GET / index", "GET /v3 show"),
    *rows(
        "things",
        "GET /v3/auth/projects auth_projects",
        "GET /v3/auth/domains auth_domains",
        "GET /v3/users users",
        "GET /v3/users/{id} user",
        "GET /v3/projects projects",
        "GET /v3/projects/{id} project",
        "GET /v3/domains domains",
        "GET /v3/domains/{id} domain",
        "GET /v3/roles roles",
        "GET /v3/roles/{id} role",
        "GET /v3/role_assignments role_assignments",
        "GET /v3/services services",
        "GET /v3/endpoints endpoints",
        "GET /v3/regions regions",
    ),
]


def factory(_global_conf: Any, **_local: Any) -> Router:
    """Paste application factory; runs in the worker, after the fork."""
    conf = cfg.CONF
    db = Database(conf.database.connection, pool_size=conf.database.pool_size)
    maker = TokenMaker(
        db,
        Path(conf.state_dir) / "identity" / "fernet.key",
        lifetime_s=conf.identity.token_expiration_s,
    )
    catalog = Catalog(conf.endpoints, conf.region)
    conductor = IdentityAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    controllers: dict[str, Any] = {
        "tokens": TokensController(maker, catalog, conductor),
        "things": ThingsController(db, maker, catalog),
        "versions": VersionsController(),
    }
    return Router(ROUTES, {name: Resource(one) for name, one in controllers.items()})
