"""What may be seen of the hosts of servers, from 2.16 on."""

from __future__ import annotations

from collections.abc import Callable

from devstack_lite import clock
from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Instance
from devstack_lite.wsgi.request import Request
from services.api.policy import allows

RULE = "os_compute_api:servers:show:host_status"


def host_states(
    db: Database, req: Request, *, down_time_s: float
) -> Callable[[Instance], str | None]:
    """Return what says of an instance what the caller may see of its host."""
    sees_all = allows(req.context, RULE)
    if not (req.since(2, 16) and (sees_all or allows(req.context, f"{RULE}:unknown-only"))):
        return lambda _: None
    now = clock.utcnow()
    states = {
        service.host: "MAINTENANCE" if service.is_disabled
        else "UP" if service.is_up(now, down_time_s) else "DOWN"
        for service in hosts.list_services(db)
        if service.binary == "nova-compute"
    }  # fmt: skip

    def state_of(instance: Instance) -> str | None:
        state = states.get(instance.host, "UNKNOWN") if instance.host else ""
        return state if sees_all or state == "UNKNOWN" else None

    return state_of
