"""The volume service's routes, and its application."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from devstack_lite.clients.image import ImageClient
from devstack_lite.db.engine import Database
from devstack_lite.rpc.transport import get_transport
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Router, WsgiApp, rows
from services.conductor.rpcapi.volume_quotas import VolumeQuotasAPI
from services.conductor.rpcapi.volume_snapshots import VolumeSnapshotsAPI
from services.conductor.rpcapi.volume_transfers import VolumeTransfersAPI
from services.conductor.rpcapi.volume_types import VolumeTypesAPI
from services.conductor.rpcapi.volumes import VolumesAPI
from services.volume.controllers.about import AboutController
from services.volume.controllers.attachments import AttachmentsController
from services.volume.controllers.quotas import QuotasController
from services.volume.controllers.reimages import VolumeReimages
from services.volume.controllers.snapshots import SnapshotsController
from services.volume.controllers.transfers import TransfersController
from services.volume.controllers.types import TypesController
from services.volume.controllers.uploads import VolumeUploads
from services.volume.controllers.volume_actions import VolumeActions
from services.volume.controllers.volumes import VolumesController
from services.volume.versions import VERSIONS, VersionController

ROUTES = [
    *rows("version", "GET / show"),
    *rows(
        "volumes",
        "GET /volumes index",
        "POST /volumes create",
        "GET /volumes/detail detail",
        "GET /volumes/summary summary",
        "GET /volumes/{volume_id} show",
        "PUT /volumes/{volume_id} update",
        "DELETE /volumes/{volume_id} delete",
        "POST /volumes/{volume_id}/action action",
        "GET /volumes/{volume_id}/encryption encryption",
        "GET /volumes/{volume_id}/encryption/{key} encryption",
        "GET /volumes/{volume_id}/metadata list_metadata",
        "POST /volumes/{volume_id}/metadata add_metadata",
        "PUT /volumes/{volume_id}/metadata replace_metadata",
        "GET /volumes/{volume_id}/metadata/{key} show_meta",
        "PUT /volumes/{volume_id}/metadata/{key} set_meta",
        "DELETE /volumes/{volume_id}/metadata/{key} delete_meta",
    ),
    *rows(
        "snapshots",
        "GET /snapshots index",
        "POST /snapshots create",
        "GET /snapshots/detail detail",
        "GET /snapshots/{snapshot_id} show",
        "PUT /snapshots/{snapshot_id} update",
        "DELETE /snapshots/{snapshot_id} delete",
        "POST /snapshots/{snapshot_id}/action action",
        "GET /snapshots/{snapshot_id}/metadata list_metadata",
        "POST /snapshots/{snapshot_id}/metadata add_metadata",
        "PUT /snapshots/{snapshot_id}/metadata replace_metadata",
        "GET /snapshots/{snapshot_id}/metadata/{key} show_meta",
        "PUT /snapshots/{snapshot_id}/metadata/{key} set_meta",
        "DELETE /snapshots/{snapshot_id}/metadata/{key} delete_meta",
    ),
    *rows(
        "attachments",
        "GET /attachments index",
        "POST /attachments create",
        "GET /attachments/detail detail",
        "GET /attachments/{attachment_id} show",
        "PUT /attachments/{attachment_id} update",
        "DELETE /attachments/{attachment_id} delete",
        "POST /attachments/{attachment_id}/action action",
    ),
    *rows(
        "types",
        "GET /types index",
        "POST /types create",
        "GET /types/{type_id} show",
        "PUT /types/{type_id} update",
        "DELETE /types/{type_id} delete",
        "POST /types/{type_id}/action action",
        "GET /types/{type_id}/extra_specs extra_specs",
        "POST /types/{type_id}/extra_specs set_extra_specs",
        "GET /types/{type_id}/extra_specs/{key} show_extra_spec",
        "PUT /types/{type_id}/extra_specs/{key} set_extra_spec",
        "DELETE /types/{type_id}/extra_specs/{key} delete_extra_spec",
        "GET /types/{type_id}/encryption encryption",
        "GET /types/{type_id}/os-volume-type-access list_access",
    ),
    *rows(
        "transfers",
        "GET /volume-transfers index",
        "POST /volume-transfers create",
        "GET /volume-transfers/detail detail",
        "GET /volume-transfers/{transfer_id} show",
        "DELETE /volume-transfers/{transfer_id} delete",
        "POST /volume-transfers/{transfer_id}/accept accept",
        "GET /os-volume-transfer index",
        "POST /os-volume-transfer create",
        "GET /os-volume-transfer/detail detail",
        "GET /os-volume-transfer/{transfer_id} show",
        "DELETE /os-volume-transfer/{transfer_id} delete",
        "POST /os-volume-transfer/{transfer_id}/accept accept",
    ),
    *rows(
        "about",
        "GET /extensions extensions",
        "GET /messages messages",
        "GET /scheduler-stats/get_pools pools",
        "GET /os-availability-zone zones",
        "GET /os-services services",
    ),
    *rows(
        "quotas",
        "GET /os-quota-sets/{target_id} show",
        "PUT /os-quota-sets/{target_id} update",
        "DELETE /os-quota-sets/{target_id} delete",
        "GET /os-quota-sets/{target_id}/defaults defaults",
        "GET /os-quota-class-sets/{name} show_class",
        "PUT /os-quota-class-sets/{name} update_class",
        "GET /limits limits",
    ),
]


def factory(_global_conf: Any, **_local: Any) -> Router:
    """Paste app factory; runs in the worker, because of the transport."""
    conf = cfg.CONF
    db = Database(conf.database.connection, pool_size=conf.database.pool_size)
    transport, monitor_s = get_transport(conf), conf.rpc.call_monitor_s
    conductor = VolumesAPI(transport, call_monitor_s=monitor_s)
    transfers = VolumeTransfersAPI(transport, call_monitor_s=monitor_s)
    types = VolumeTypesAPI(transport, call_monitor_s=monitor_s)
    snapshots = VolumeSnapshotsAPI(transport, call_monitor_s=monitor_s)
    image = ImageClient(conf.endpoints.image, conf.authtoken.timeout_s)
    limit = conf.osapi_max_limit
    volumes = Resource(VolumesController(db, conductor, image, max_limit=limit), versions=VERSIONS)
    volumes.extend(VolumeUploads(db, image))
    volumes.extend(VolumeReimages(db, conductor, image))
    volumes.extend(VolumeActions(db, conductor, snapshots))
    quotas = QuotasController(db, VolumeQuotasAPI(transport, call_monitor_s=monitor_s))
    resources: dict[str, WsgiApp] = {
        "transfers": Resource(
            TransfersController(db, transfers, max_limit=limit), versions=VERSIONS
        ),
        "quotas": Resource(quotas, versions=VERSIONS),
        "version": Resource(VersionController(), versions=VERSIONS),
        "volumes": volumes,
        "snapshots": Resource(
            SnapshotsController(db, snapshots, max_limit=limit), versions=VERSIONS
        ),
        "attachments": Resource(
            AttachmentsController(db, conductor, max_limit=limit), versions=VERSIONS
        ),
        "types": Resource(TypesController(db, types, max_limit=limit), versions=VERSIONS),
        "about": Resource(AboutController(host=conf.host), versions=VERSIONS),
    }
    return Router(ROUTES, resources, prefixes=("", "/{project_id}"))
