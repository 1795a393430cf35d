"""resize, migrate, confirmResize, revertResize."""

from __future__ import annotations

from devstack_lite.db import flavors, hosts
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.numa.wanted import wanted_topology
from devstack_lite.objects.compute import Flavor, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.pci.alias import requests_of
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking, HostAction
from services.api.extra_specs import check_resources
from services.api.schemas import moves as schemas

RESIZE = HostAction(
    name="resize", event="conductor_migrate_server", rule="os_compute_api:servers:resize",
    vm_states=(VmState.ACTIVE, VmState.STOPPED), task_state=TaskState.RESIZE_PREP,
)  # fmt: skip
MIGRATE = HostAction(
    name="migrate", event="conductor_migrate_server",
    rule="os_compute_api:os-migrate-server:migrate",
    vm_states=(VmState.ACTIVE, VmState.STOPPED), task_state=TaskState.RESIZE_PREP,
)  # fmt: skip
CONFIRM = "os_compute_api:servers:confirm_resize"
REVERT = "os_compute_api:servers:revert_resize"


class ResizesController:
    """Servers that become larger or smaller, and move on the way."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._db = asking.db

    @api(status=202, action="resize", body=schemas.RESIZE)
    def resize(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's name
        """Build a server with another flavor on another node; it is then to be confirmed."""
        seen = self._asking.get_built(req, id, RESIZE)
        flavor = self._flavor(req, seen, str(body["resize"]["flavorRef"]))
        self._begin(req, seen, flavor, disk_config=body["resize"].get("OS-DCF:diskConfig"))

    @api(status=202, action="migrate", body=schemas.migrate)
    def migrate(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Move a server to another host while it is off; it is then to be confirmed."""
        target = (body["migrate"] or {}).get("host") if req.since(2, 56) else None
        seen = self._asking.get_moving(req, id, MIGRATE, target)
        if target == seen.host:
            raise Invalid("Cannot migrate to the host where the server exists.")
        if target and target not in {node.host for node in hosts.list_nodes(self._db)}:
            raise Invalid(f"Compute host {target} could not be found.")
        self._begin(req, seen, None, target)

    @api(status=204, action="confirmResize")
    def confirm(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Let go of where a resized server was."""
        seen = self._asking.get(req, id, CONFIRM)
        self._asking.moves.begin_confirm(req.context, uuid=seen.uuid)

    @api(status=202, action="revertResize")
    def revert(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Have a resized server be where and what it was."""
        seen = self._asking.get(req, id, REVERT)
        self._asking.moves.begin_revert(req.context, uuid=seen.uuid)

    def _begin(
        self,
        req: Request,
        seen: Instance,
        flavor: Flavor | None,
        target: str | None = None,
        disk_config: str | None = None,
    ) -> None:
        self._check_host(str(seen.host))
        self._asking.moves.begin_resize(
            req.context, uuid=seen.uuid, flavor=flavor, target_host=target,
            may_stay_on_host=self._asking.conf.allow_resize_to_same_host,
            auto_disk_config=None if disk_config is None else disk_config == "AUTO",
        )  # fmt: skip

    def _flavor(self, req: Request, seen: Instance, flavor_id: str) -> Flavor:
        """Return the flavor that is asked for. Raises Invalid, in Nova's words."""
        try:
            flavor = flavors.get_flavor(
                self._db, flavor_id, with_private=req.context.is_admin, project_id=seen.project_id
            )
        except NotFound as error:
            raise Invalid("Unable to locate requested flavor.") from error
        if flavor.is_disabled:
            raise Invalid("Unable to locate requested flavor.")
        check_resources(flavor.extra_specs)
        if flavor.id == seen.flavor.id:
            raise Invalid("When resizing, instances must change flavor!")
        requests_of(flavor.extra_specs)
        wanted_topology(flavor, seen.boot_request.get("image_properties") or {})
        if seen.image_ref and seen.flavor.root_gb and not flavor.root_gb:
            raise Invalid("Server disk was unable to be resized because: "
                          "Resize to zero disk flavor is not allowed.")  # fmt: skip
        return flavor

    def _check_host(self, host: str) -> None:
        """Raise Conflict unless the host that shall let go of the server is up."""
        if host in hosts.down_hosts(self._db, self._asking.conf.service_down_time_s):
            raise Conflict("Service is unavailable at this time.")
