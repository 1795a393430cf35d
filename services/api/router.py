"""The compute API's application: its routes, its controllers and what they work with."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from devstack_lite.clients.image import ImageClient
from devstack_lite.clients.network_proxy import NetworkProxy
from devstack_lite.clients.volume import VolumeClient
from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.objects.registry import Json
from devstack_lite.rpc.transport import get_transport
from devstack_lite.wsgi.extensions import Environment
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Router
from services.api import boot
from services.api.controllers.aggregates import AggregatesController
from services.api.controllers.assisted_volume_snapshots import AssistedVolumeSnapshotsController
from services.api.controllers.audit_log import AuditLogController
from services.api.controllers.availability_zones import AvailabilityZonesController
from services.api.controllers.baremetal_nodes import BaremetalNodesController
from services.api.controllers.console_tokens import ConsoleTokensController
from services.api.controllers.decisions import DecisionsController
from services.api.controllers.external_events import ExternalEventsController
from services.api.controllers.flavor_extra_specs import FlavorExtraSpecsController
from services.api.controllers.flavors import FlavorsController
from services.api.controllers.floating_ips import FloatingIpsController
from services.api.controllers.hosts import HostsController
from services.api.controllers.hypervisors import HypervisorsController
from services.api.controllers.image_metadata import ImageMetadataController
from services.api.controllers.images import ImagesController
from services.api.controllers.instance_actions import InstanceActionsController
from services.api.controllers.interfaces import InterfacesController
from services.api.controllers.keypairs import KeypairsController
from services.api.controllers.limits import LimitsController
from services.api.controllers.migrations import MigrationsController
from services.api.controllers.networks import NetworksController
from services.api.controllers.quotas import QuotasController
from services.api.controllers.removed import RemovedController
from services.api.controllers.security_groups import SecurityGroupsController
from services.api.controllers.server_actions.table import (
    IMAGE_TIMEOUT_S,
    make_asking,
    make_controllers,
)
from services.api.controllers.server_addresses import ServerAddressesController
from services.api.controllers.server_groups import ServerGroupsController
from services.api.controllers.server_inspection import ServerInspectionController
from services.api.controllers.server_metadata import ServerMetadataController
from services.api.controllers.servers import ServersController
from services.api.controllers.services import ServicesController
from services.api.controllers.shares import SharesController
from services.api.controllers.tags import TagsController
from services.api.controllers.tenant_usage import TenantUsageController
from services.api.controllers.volume_attachments import VolumeAttachmentsController
from services.api.controllers.volumes import SnapshotsController, VolumesController
from services.api.extensions.installing import Assembly, assemble
from services.api.extensions.loading import choose
from services.api.floating_addresses import FloatingAddresses
from services.api.policy import authorize, visible_project
from services.api.quotas import ProjectQuotas
from services.api.routes import ROUTES
from services.api.schemas import queries
from services.api.versions import VERSIONS
from services.api.views import volumes as views
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.aggregates import AggregatesAPI
from services.conductor.rpcapi.builds import BuildsAPI
from services.conductor.rpcapi.devices import DevicesAPI
from services.conductor.rpcapi.flavors import FlavorsAPI
from services.conductor.rpcapi.hosts import HostsAPI
from services.conductor.rpcapi.instance_changes import InstanceChangesAPI
from services.conductor.rpcapi.instances import InstancesAPI
from services.conductor.rpcapi.keypairs import KeypairsAPI
from services.conductor.rpcapi.quotas import QuotasAPI
from services.conductor.rpcapi.server_groups import ServerGroupsAPI
from services.scheduler.rpcapi import SchedulerAPI

VOLUME_TIMEOUT_S = 10.0
"""What the volume service may take to answer; whoever asks waits for it."""
NETWORK_TIMEOUT_S = 10.0
"""What the network service may take to answer; whoever asks waits for it."""


def make_router(conf: Any, db: Database, transport: Any) -> Router:
    """Return the application; db is read-only."""
    monitor_s = conf.rpc.call_monitor_s
    quotas = ProjectQuotas(db, conf.quota)
    booter = boot.Booter(
        db,
        BuildsAPI(transport, call_monitor_s=monitor_s),
        SchedulerAPI(transport, call_monitor_s=monitor_s),
        quota=quotas,
    )
    down_time_s = conf.service_down_time_s
    asking = make_asking(conf, db, transport)
    volume = VolumeClient(conf.endpoints.volume, timeout_s=VOLUME_TIMEOUT_S)
    image = ImageClient(conf.endpoints.image, timeout_s=IMAGE_TIMEOUT_S)
    network = NetworkProxy(conf.endpoints.network, timeout_s=NETWORK_TIMEOUT_S)
    addresses = FloatingAddresses(network)
    controllers = {
        "servers": ServersController(
            db,
            booter,
            asking,
            max_limit=conf.osapi_max_limit,
            down_time_s=down_time_s,
        ),
        "server_addresses": ServerAddressesController(db),
        "server_metadata": ServerMetadataController(
            db, InstancesAPI(transport, call_monitor_s=monitor_s), quota=quotas
        ),
        "volume_attachments": VolumeAttachmentsController(
            db,
            DevicesAPI(transport, call_monitor_s=monitor_s),
            ComputeAPI(transport, call_monitor_s=monitor_s),
            max_limit=conf.osapi_max_limit,
        ),
        "volumes": VolumesController(volume, views.volume, max_limit=conf.osapi_max_limit),
        "snapshots": SnapshotsController(volume, views.snapshot, max_limit=conf.osapi_max_limit),
        "assisted_volume_snapshots": AssistedVolumeSnapshotsController(
            db, ComputeAPI(transport, call_monitor_s=monitor_s)
        ),
        "interfaces": InterfacesController(
            db,
            DevicesAPI(transport, call_monitor_s=monitor_s),
            ComputeAPI(transport, call_monitor_s=monitor_s),
        ),
        "shares": SharesController(db),
        "server_inspection": ServerInspectionController(
            db,
            ComputeAPI(transport, call_monitor_s=monitor_s),
            InstanceChangesAPI(transport, call_monitor_s=monitor_s),
        ),
        "console_tokens": ConsoleTokensController(db),
        "decisions": DecisionsController(
            db, booter, SchedulerAPI(transport, call_monitor_s=monitor_s)
        ),
        "instance_actions": InstanceActionsController(db, max_limit=conf.osapi_max_limit),
        "flavors": FlavorsController(
            db, FlavorsAPI(transport, call_monitor_s=monitor_s), max_limit=conf.osapi_max_limit
        ),
        "keypairs": KeypairsController(
            db,
            KeypairsAPI(transport, call_monitor_s=monitor_s),
            quota=quotas,
            max_limit=conf.osapi_max_limit,
        ),
        "images": ImagesController(
            image, image_url=conf.endpoints.image, max_limit=conf.osapi_max_limit
        ),
        "image_metadata": ImageMetadataController(image, quota=quotas),
        "hypervisors": HypervisorsController(
            db, down_time_s=down_time_s, max_limit=conf.osapi_max_limit
        ),
        "services": ServicesController(
            db, HostsAPI(transport, call_monitor_s=monitor_s), down_time_s=down_time_s
        ),
        "aggregates": AggregatesController(
            db,
            AggregatesAPI(transport, call_monitor_s=monitor_s),
            ComputeAPI(transport, call_monitor_s=monitor_s),
            down_time_s=down_time_s,
        ),
        "baremetal_nodes": BaremetalNodesController(),
        "server_groups": ServerGroupsController(
            db,
            ServerGroupsAPI(transport, call_monitor_s=monitor_s),
            quota=quotas,
            max_limit=conf.osapi_max_limit,
        ),
        "tags": TagsController(db, InstanceChangesAPI(transport, call_monitor_s=monitor_s)),
        "flavor_extra_specs": FlavorExtraSpecsController(
            db, FlavorsAPI(transport, call_monitor_s=monitor_s)
        ),
        "hosts": HostsController(db, down_time_s=down_time_s),
        "audit_log": AuditLogController(db),
        "availability_zones": AvailabilityZonesController(db, down_time_s=down_time_s),
        "tenant_usage": TenantUsageController(db, max_limit=conf.osapi_max_limit),
        "external_events": ExternalEventsController(db),
        "migrations": MigrationsController(
            db, ComputeAPI(transport, call_monitor_s=monitor_s), max_limit=conf.osapi_max_limit
        ),
        "security_groups": SecurityGroupsController(network, max_limit=conf.osapi_max_limit),
        "floating_ips": FloatingIpsController(addresses),
        "networks": NetworksController(network),
        "removed": RemovedController(),
        "limits": LimitsController(db, quotas),
        "quotas": QuotasController(db, QuotasAPI(transport, call_monitor_s=monitor_s), quotas),
    }
    resources = {
        name: Resource(controller, versions=VERSIONS, query=queries.NOTHING)
        for name, controller in controllers.items()
    }
    for controller in make_controllers(asking, transport, addresses):
        resources["servers"].extend(controller)

    def act_on_server(req: Request, uuid: str, body: Json) -> Reply:
        return made.resources["servers"].act(req, uuid, body)

    made: Assembly = assemble(
        choose(conf),
        Environment(
            conf=conf,
            db=db,
            transport=transport,
            get_server=lambda context, uuid: instances.get_instance(
                db, uuid, project_id=visible_project(context)
            ),
            authorize=authorize,
            act_on_server=act_on_server,
        ),
        routes=ROUTES,
        resources=resources,
        versions=VERSIONS,
    )
    made.resources["volumes_boot"] = made.resources["servers"].ending("2.102")
    return Router(made.routes, made.resources, prefixes=("", "/{project_id}"), takes_slash=False)


def factory(_global_conf: Any, **_local: Any) -> Router:
    """Paste application factory; runs in the worker, after the fork."""
    conf = cfg.CONF
    db = Database(conf.database.connection, pool_size=conf.database.pool_size)
    return make_router(conf, db, get_transport(conf))
