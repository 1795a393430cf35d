"""/servers/{id}/shares, from 2.97 on: what a cloud without a shared file system service answers.

No share can be attached, so none is listed or shown; each request is checked as Nova checks it, up
to the question that only Manila could answer.
"""

from __future__ import annotations

from typing import NoReturn

from devstack_lite.db import hosts, instances
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict, InstanceInvalidState, NotFound
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import authorize, visible_project
from services.api.schemas import queries
from services.api.schemas import shares as schemas

RULE = "os_compute_api:os-server-shares"
SINCE = "2.97"
_VIRTIO_FS = "COMPUTE_STORAGE_VIRTIO_FS"
_FILE_MEMORY = "COMPUTE_MEM_BACKING_FILE"


class SharesController:
    """A server's shares: there are none."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @api(query=queries.NOTHING, since=SINCE)
    def index(self, req: Request, server_id: str) -> Json:
        """List a server's shares."""
        self._get(req, server_id, "index")
        return {"shares": []}

    @api(query=queries.NOTHING, since=SINCE)
    def show(self, req: Request, server_id: str, id: str) -> NoReturn:  # noqa: A002
        """Show one. Raises NotFound."""
        self._get(req, server_id, "show")
        raise _no_share(id)

    @api(status=201, body=schemas.CREATE, since=SINCE)
    def create(self, req: Request, server_id: str, body: Json) -> NoReturn:
        """Attach a share to a server that is off. Raises Conflict where no host could, NotFound."""
        instance = self._get(req, server_id, "create")
        _require_state(instance, "create share", VmState.STOPPED)
        self._require_support(instance)
        raise _no_share(body["share"]["share_id"])

    @api(since=SINCE)
    def delete(self, req: Request, server_id: str, id: str) -> NoReturn:  # noqa: A002
        """Detach one from a server that is off. Raises NotFound."""
        instance = self._get(req, server_id, "delete")
        _require_state(instance, "delete share", VmState.STOPPED, VmState.ERROR)
        raise _no_share(id)

    def _get(self, req: Request, server_id: str, what: str) -> Instance:
        """Return a server that the caller may do this to. Raises NotFound, Forbidden."""
        found = instances.get_instance(self._db, server_id, project_id=visible_project(req.context))
        authorize(req.context, f"{RULE}:{what}", project_id=found.project_id)
        return found

    def _require_support(self, instance: Instance) -> None:
        """Raise Conflict unless the server's node says that a guest of that flavor can have one."""
        traits = hosts.get_node(self._db, str(instance.node)).traits
        is_shareable = "hw:mem_page_size" in instance.flavor.extra_specs or _FILE_MEMORY in traits
        if not (_VIRTIO_FS in traits and is_shareable):
            raise Conflict(
                "Feature not supported because either compute or instance are not configured"
                " correctly."
            )


def _require_state(instance: Instance, action: str, *states: VmState) -> None:
    if instance.vm_state not in states:
        raise InstanceInvalidState.of(
            instance.uuid, action=action, attribute="vm_state", state=instance.vm_state
        )


def _no_share(share_id: str) -> NotFound:
    return NotFound(f"Share {share_id} could not be found.", kind="share")
