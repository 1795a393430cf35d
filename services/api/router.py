"""The compute API's application: its routes, its controllers and what they work with."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from devstack_lite.db.engine import Database
from devstack_lite.rpc.server import get_transport
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Router
from services.api import boot
from services.api.controllers.aggregates import AggregatesController
from services.api.controllers.availability_zones import AvailabilityZonesController
from services.api.controllers.decisions import DecisionsController
from services.api.controllers.flavors import FlavorsController
from services.api.controllers.hypervisors import HypervisorsController
from services.api.controllers.instance_actions import InstanceActionsController
from services.api.controllers.keypairs import KeypairsController
from services.api.controllers.limits import LimitsController
from services.api.controllers.rebuilds import RebuildsController
from services.api.controllers.server_groups import ServerGroupsController
from services.api.controllers.servers import ServersController
from services.api.controllers.services import ServicesController
from services.api.routes import ROUTES
from services.api.versions import VERSIONS
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.aggregates import AggregatesAPI
from services.conductor.rpcapi.builds import BuildsAPI
from services.conductor.rpcapi.flavors import FlavorsAPI
from services.conductor.rpcapi.hosts import HostsAPI
from services.conductor.rpcapi.instances import InstancesAPI
from services.conductor.rpcapi.keypairs import KeypairsAPI
from services.conductor.rpcapi.server_groups import ServerGroupsAPI
from services.scheduler.rpcapi import SchedulerAPI


def make_router(conf: Any, db: Database, transport: Any) -> Router:
    """Return the application; db is read-only."""
    monitor_s = conf.rpc.call_monitor_s
    booter = boot.Booter(
        db,
        BuildsAPI(transport, call_monitor_s=monitor_s),
        SchedulerAPI(transport, call_monitor_s=monitor_s),
        quota=conf.quota,
    )
    down_time_s = conf.service_down_time_s
    controllers = {
        "servers": ServersController(
            db,
            booter,
            InstancesAPI(transport, call_monitor_s=monitor_s),
            ComputeAPI(transport, call_monitor_s=monitor_s),
            max_limit=conf.osapi_max_limit,
        ),
        "decisions": DecisionsController(
            db, booter, SchedulerAPI(transport, call_monitor_s=monitor_s)
        ),
        "instance_actions": InstanceActionsController(db),
        "flavors": FlavorsController(
            db, FlavorsAPI(transport, call_monitor_s=monitor_s), max_limit=conf.osapi_max_limit
        ),
        "keypairs": KeypairsController(
            db, KeypairsAPI(transport, call_monitor_s=monitor_s), quota=conf.quota
        ),
        "hypervisors": HypervisorsController(db, down_time_s=down_time_s),
        "services": ServicesController(
            db, HostsAPI(transport, call_monitor_s=monitor_s), down_time_s=down_time_s
        ),
        "aggregates": AggregatesController(db, AggregatesAPI(transport, call_monitor_s=monitor_s)),
        "server_groups": ServerGroupsController(
            db,
            ServerGroupsAPI(transport, call_monitor_s=monitor_s),
            quota=conf.quota,
            max_limit=conf.osapi_max_limit,
        ),
        "availability_zones": AvailabilityZonesController(db, down_time_s=down_time_s),
        "limits": LimitsController(db, conf.quota),
    }
    resources = {
        name: Resource(controller, versions=VERSIONS) for name, controller in controllers.items()
    }
    resources["servers"].extend(
        RebuildsController(
            db,
            InstancesAPI(transport, call_monitor_s=monitor_s),
            ComputeAPI(transport, call_monitor_s=monitor_s),
            quota=conf.quota,
            down_time_s=down_time_s,
        )
    )
    return Router(ROUTES, resources, prefixes=("", "/{project_id}"))


def factory(_global_conf: Any, **_local: Any) -> Router:
    """Paste application factory; runs in the worker, after the fork."""
    conf = cfg.CONF
    db = Database(conf.database.connection, pool_size=conf.database.pool_size)
    return make_router(conf, db, get_transport(conf))
