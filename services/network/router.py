"""Network's application: every URL in one table, and its controllers."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from devstack_lite.db.engine import Database
from devstack_lite.rpc.server import get_transport
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Router, rows
from services.conductor.rpcapi.networks import NetworksAPI
from services.network.controllers.facts import FactsController
from services.network.controllers.networks import NetworksController
from services.network.controllers.ports import PortsController
from services.network.controllers.subnets import SubnetsController


def _crud(noun: str) -> list[Any]:
    return rows(
        noun,
        f"GET /{noun} index",
        f"POST /{noun} create",
        f"GET /{noun}/{{id}} show",
        f"PUT /{noun}/{{id}} update",
        f"DELETE /{noun}/{{id}} delete",
    )


ROUTES = [
    *_crud("ports"),
    *_crud("networks"),
    *_crud("subnets"),
    *rows(
        "facts",
        "GET / resources",
        "GET /extensions extensions",
        "GET /extensions/{id} extension",
        "GET /quotas/{id} quota",
        "GET /quotas/{id}/default quota_default",
        "GET /quotas/{id}/details quota_details",
        "GET /availability_zones availability_zones",
        "GET /agents agents",
        "GET /security-groups security_groups",
        "GET /security-groups/{id} security_group",
        "GET /security-group-rules security_group_rules",
        "GET /security-group-rules/{id} security_group_rule",
    ),
]


def factory(_global_conf: Any, **_local: Any) -> Router:
    """Paste application factory; runs in the worker, after the fork."""
    conf = cfg.CONF
    db = Database(conf.database.connection, pool_size=conf.database.pool_size)
    conductor = NetworksAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    controllers: dict[str, Any] = {
        "ports": PortsController(db, conductor),
        "networks": NetworksController(db, conductor),
        "subnets": SubnetsController(db, conductor),
        "facts": FactsController(db),
    }
    return Router(ROUTES, {name: Resource(one) for name, one in controllers.items()})
