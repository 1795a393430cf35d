"""os-migrateLive."""

from __future__ import annotations

from devstack_lite.clock import utcnow
from devstack_lite.db import hosts
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.registry import Json
from devstack_lite.pci.alias import requests_of
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking, HostAction
from services.api.schemas import moves as schemas
from services.api.schemas.parameters import is_true

LIVE = HostAction(
    name="os-migrateLive", event="conductor_live_migrate_instance",
    rule="os_compute_api:os-migrate-server:migrate_live",
    vm_states=(VmState.ACTIVE, VmState.PAUSED), task_state=TaskState.MIGRATING,
)  # fmt: skip


class LiveMigrationsController:
    """Servers that go to another host while they run."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._db = asking.db

    @api(status=202, action="os-migrateLive", body=schemas.live_migrate)
    def live_migrate(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's
        """Have a server run on another host, or on the one that is named."""
        target = body["os-migrateLive"]["host"]
        seen = self._asking.get_moving(req, id, LIVE, target)
        if target is None and is_true(body["os-migrateLive"].get("force")):
            raise Invalid("Can't force to a non-provided destination")
        self._check_hosts(seen.uuid, str(seen.host), target)
        if not all(one.is_live_migratable for one in requests_of(seen.flavor.extra_specs)):
            raise Invalid("Migration pre-check error: This request does not explicitly request"
                          " live-migratable devices.")  # fmt: skip
        self._asking.moves.begin_live_migration(req.context, uuid=seen.uuid, target_host=target)

    def _check_hosts(self, uuid: str, source: str, target: str | None) -> None:
        """Raise Invalid unless both are up, and two. In Nova's words."""
        now, down_time_s = utcnow(), self._asking.conf.service_down_time_s
        ups = {
            service.host: service.is_up(now, down_time_s)
            for service in hosts.list_services(self._db)
            if service.binary == "nova-compute"
        }
        if target == source:
            raise Invalid(f"Unable to migrate instance ({uuid}) to current host ({source}).")
        if target is not None and target not in ups:
            raise Invalid(f"Compute host {target} could not be found.")
        for host in (source, target):
            if host is not None and not ups.get(host, False):
                raise Invalid(f"Compute service of {host} is unavailable at this time.")
