"""Placement's application: every URL in one table, and its controllers.

What would write is not among them: 405 says so, with the methods that there are.
"""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from devstack_lite.db.engine import Database
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Router, rows
from services.placement.controllers.allocations import AllocationsController
from services.placement.controllers.candidates import CandidatesController
from services.placement.controllers.names import NamesController
from services.placement.controllers.providers import ProvidersController
from services.placement.reading import Reading
from services.placement.versions import VERSIONS

ROUTES = [
    *rows(
        "providers",
        "GET /resource_providers index",
        "GET /resource_providers/{uuid} show",
        "GET /resource_providers/{uuid}/inventories inventories",
        "GET /resource_providers/{uuid}/inventories/{name} inventory",
        "GET /resource_providers/{uuid}/usages usages",
        "GET /resource_providers/{uuid}/aggregates aggregates",
        "GET /resource_providers/{uuid}/traits traits",
        "GET /resource_providers/{uuid}/allocations allocations",
    ),
    *rows(
        "allocations",
        "GET /allocations/{consumer_id} show",
        "GET /usages usages",
    ),
    *rows("candidates", "GET /allocation_candidates index"),
    *rows(
        "names",
        "GET /traits traits",
        "GET /traits/{name} trait",
        "GET /resource_classes classes",
        "GET /resource_classes/{name} resource_class",
    ),
]


def factory(_global_conf: Any, **_local: Any) -> Router:
    """Paste application factory; runs in the worker, after the fork."""
    conf = cfg.CONF
    reading = Reading(Database(conf.database.connection, pool_size=conf.database.pool_size))
    controllers: dict[str, Any] = {
        "providers": ProvidersController(reading),
        "allocations": AllocationsController(reading),
        "candidates": CandidatesController(reading),
        "names": NamesController(reading),
    }
    return Router(
        ROUTES,
        {name: Resource(one, versions=VERSIONS) for name, one in controllers.items()},
    )
