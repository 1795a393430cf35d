"""The image service's routes, and its application."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oslo_config import cfg
from sqlalchemy.exc import SQLAlchemyError

from devstack_lite.db import images
from devstack_lite.db.engine import Database
from devstack_lite.rpc.transport import get_transport
from devstack_lite.wsgi.middleware.sizelimit import SizeLimit
from devstack_lite.wsgi.resource import Resource
from devstack_lite.wsgi.router import Router, WsgiApp, rows
from services.conductor.rpcapi.images import ImagesAPI
from services.image.controllers.data import DataController
from services.image.controllers.images import ImagesController
from services.image.controllers.members import MembersController
from services.image.store import ImageStore

LOG = logging.getLogger(__name__)

ROUTES = [
    *rows(
        "images",
        "GET /images index",
        "POST /images create",
        "GET /images/{image_id} show",
        "PATCH /images/{image_id} update",
        "DELETE /images/{image_id} delete",
        "POST /images/{image_id}/actions/deactivate deactivate",
        "POST /images/{image_id}/actions/reactivate reactivate",
        "PUT /images/{image_id}/tags/{tag} add_tag",
        "DELETE /images/{image_id}/tags/{tag} delete_tag",
        "GET /info/import import_info",
        "GET /info/stores stores_info",
        "GET /tasks tasks",
        "GET /images/{image_id}/tasks image_tasks",
        "GET /schemas/{name} schema",
    ),
    *rows(
        "data",
        "PUT /images/{image_id}/file upload",
        "GET /images/{image_id}/file download",
        "PUT /images/{image_id}/stage stage",
        "POST /images/{image_id}/import import_image",
    ),
    *rows(
        "members",
        "GET /images/{image_id}/members index",
        "POST /images/{image_id}/members create",
        "GET /images/{image_id}/members/{member_id} show",
        "PUT /images/{image_id}/members/{member_id} update",
        "DELETE /images/{image_id}/members/{member_id} delete",
    ),
]


class BoundedBodies:
    """Bounds every body but the images' data, which the store bounds."""

    def __init__(self, app: Any, maximum: int) -> None:
        self._app = app
        self._bounded = SizeLimit(app, maximum)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as the application does, or 413."""
        is_data = environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"].endswith(
            ("/file", "/stage")
        )
        app = self._app if is_data else self._bounded
        answer: Iterable[bytes] = app(environ, start_response)
        return answer


def factory(_global_conf: Any, **_local: Any) -> BoundedBodies:
    """Paste app factory; runs in the worker, because of the transport."""
    conf = cfg.CONF
    db = Database(conf.database.connection, pool_size=conf.database.pool_size)
    conductor = ImagesAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    store = ImageStore(Path(conf.state_dir) / "images", max_bytes=conf.image.max_upload_bytes)
    _sweep(db, store)
    resources: dict[str, WsgiApp] = {
        "images": Resource(ImagesController(db, conductor, store, max_limit=conf.osapi_max_limit)),
        "data": Resource(DataController(db, conductor, store)),
        "members": Resource(MembersController(db, conductor)),
    }
    return BoundedBodies(Router(ROUTES, resources), conf.max_request_body_size)


def _sweep(db: Database, store: ImageStore) -> None:
    try:
        store.sweep(lambda: images.list_image_ids(db))
    except SQLAlchemyError as error:
        LOG.warning("data of deleted images was not looked for: %s", error)
