"""Network's application: every URL in one table, and its controllers."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from devstack_lite.db.engine import Database
from devstack_lite.rpc.transport import get_transport
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Router, rows
from services.conductor.rpcapi.floating_ips import FloatingIpsAPI
from services.conductor.rpcapi.network_quotas import NetworkQuotasAPI
from services.conductor.rpcapi.network_tags import NetworkTagsAPI
from services.conductor.rpcapi.networks import NetworksAPI
from services.conductor.rpcapi.routers import RoutersAPI
from services.conductor.rpcapi.security_groups import SecurityGroupsAPI
from services.conductor.rpcapi.subnet_pools import SubnetPoolsAPI
from services.network.controllers.facts import FactsController
from services.network.controllers.floating_ips import FloatingIpsController
from services.network.controllers.networks import NetworksController
from services.network.controllers.ports import PortsController
from services.network.controllers.quotas import QuotasController
from services.network.controllers.routers import RoutersController
from services.network.controllers.security_groups import (
    SecurityGroupRulesController,
    SecurityGroupsController,
)
from services.network.controllers.subnet_pools import SubnetPoolsController
from services.network.controllers.subnets import SubnetsController
from services.network.controllers.tags import FINDERS, TagsController


def _crud(noun: str) -> list[Any]:
    return rows(
        noun,
        f"GET /{noun} index",
        f"POST /{noun} create",
        f"GET /{noun}/{{id}} show",
        f"PUT /{noun}/{{id}} update",
        f"DELETE /{noun}/{{id}} delete",
    )


def _tags(collection: str) -> list[Any]:
    path = f"/{collection}/{{id}}/tags"
    return rows(
        f"{collection}/tags",
        f"GET {path} index",
        f"PUT {path} replace",
        f"DELETE {path} clear",
        f"GET {path}/{{tag}} show",
        f"PUT {path}/{{tag}} add",
        f"DELETE {path}/{{tag}} remove",
    )


ROUTES = [
    *_crud("ports"),
    *_crud("networks"),
    *_crud("subnets"),
    *_crud("subnetpools"),
    *_crud("floatingips"),
    *_crud("security-groups"),
    *(route for route in _crud("security-group-rules") if route.method != "PUT"),
    *_crud("routers"),
    *rows(
        "routers",
        "PUT /routers/{id}/add_router_interface add_router_interface",
        "PUT /routers/{id}/remove_router_interface remove_router_interface",
        "PUT /routers/{id}/add_extraroutes add_extraroutes",
        "PUT /routers/{id}/remove_extraroutes remove_extraroutes",
    ),
    *(route for collection in FINDERS for route in _tags(collection)),
    *rows(
        "quotas",
        "GET /quotas index",
        "GET /quotas/{id} show",
        "PUT /quotas/{id} update",
        "DELETE /quotas/{id} delete",
        "GET /quotas/{id}/default default",
        "GET /quotas/{id}/details details",
    ),
    *rows(
        "facts",
        "GET / resources",
        "GET /extensions extensions",
        "GET /extensions/{id} extension",
        "GET /availability_zones availability_zones",
        "GET /agents agents",
        "GET /service-providers service_providers",
    ),
]


def factory(_global_conf: Any, **_local: Any) -> Router:
    """Paste application factory; runs in the worker, after the fork."""
    conf = cfg.CONF
    db = Database(conf.database.connection, pool_size=conf.database.pool_size)
    transport, monitor_s = get_transport(conf), conf.rpc.call_monitor_s
    conductor = NetworksAPI(transport, call_monitor_s=monitor_s)
    tags = NetworkTagsAPI(transport, call_monitor_s=monitor_s)
    groups = SecurityGroupsAPI(transport, call_monitor_s=monitor_s)
    controllers: dict[str, Any] = {
        "ports": PortsController(db, conductor),
        "networks": NetworksController(db, conductor),
        "subnets": SubnetsController(db, conductor),
        "subnetpools": SubnetPoolsController(
            db, SubnetPoolsAPI(transport, call_monitor_s=monitor_s)
        ),
        "routers": RoutersController(db, RoutersAPI(transport, call_monitor_s=monitor_s)),
        "floatingips": FloatingIpsController(
            db, FloatingIpsAPI(transport, call_monitor_s=monitor_s)
        ),
        "security-groups": SecurityGroupsController(db, groups),
        "security-group-rules": SecurityGroupRulesController(db, groups),
        "quotas": QuotasController(db, NetworkQuotasAPI(transport, call_monitor_s=monitor_s)),
        "facts": FactsController(),
    }
    for name in FINDERS:
        controllers[f"{name}/tags"] = TagsController(db, tags, name)
    return Router(ROUTES, {name: Resource(one) for name, one in controllers.items()})
