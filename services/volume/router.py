"""The volume service's routes, and its application."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from devstack_lite.clients.image import ImageClient
from devstack_lite.db.engine import Database
from devstack_lite.rpc.server import get_transport
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Router, WsgiApp, rows
from services.conductor.rpcapi.volumes import VolumesAPI
from services.volume.controllers.about import AboutController, TypesController
from services.volume.controllers.attachments import AttachmentsController
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
        "GET /volumes/{volume_id}/metadata list_metadata",
        "POST /volumes/{volume_id}/metadata add_metadata",
        "PUT /volumes/{volume_id}/metadata replace_metadata",
        "GET /volumes/{volume_id}/metadata/{key} show_meta",
        "PUT /volumes/{volume_id}/metadata/{key} set_meta",
        "DELETE /volumes/{volume_id}/metadata/{key} delete_meta",
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
        "GET /types/{type_id} show",
        "GET /types/{type_id}/extra_specs extra_specs",
    ),
    *rows(
        "about",
        "GET /extensions extensions",
        "GET /limits limits",
        "GET /os-availability-zone zones",
        "GET /os-services services",
        "GET /os-quota-sets/{target_id} quotas",
        "GET /os-quota-sets/{target_id}/defaults default_quotas",
    ),
]


def factory(_global_conf: Any, **_local: Any) -> Router:
    """Paste app factory; runs in the worker, because of the transport."""
    conf = cfg.CONF
    db = Database(conf.database.connection, pool_size=conf.database.pool_size)
    conductor = VolumesAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    image = ImageClient(conf.endpoints.image, conf.authtoken.timeout_s)
    limit = conf.osapi_max_limit
    volumes = Resource(VolumesController(db, conductor, image, max_limit=limit), versions=VERSIONS)
    volumes.extend(VolumeActions(db, conductor))
    resources: dict[str, WsgiApp] = {
        "version": Resource(VersionController(), versions=VERSIONS),
        "volumes": volumes,
        "attachments": Resource(
            AttachmentsController(db, conductor, max_limit=limit), versions=VERSIONS
        ),
        "types": Resource(TypesController(), versions=VERSIONS),
        "about": Resource(AboutController(db, host=conf.host), versions=VERSIONS),
    }
    return Router(ROUTES, resources, prefixes=("", "/{project_id}"))
