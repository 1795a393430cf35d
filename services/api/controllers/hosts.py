"""/os-hosts, which Nova removed with microversion 2.43."""

from __future__ import annotations

from typing import NoReturn

from devstack_lite.clock import utcnow
from devstack_lite.db import hosts, instances
from devstack_lite.db.engine import Database
from devstack_lite.db.instances import InstanceFilter
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.compute import ComputeNode
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import require_admin
from services.api.schemas.hosts import UPDATE

RULE = "os_compute_api:os-hosts"
_SERVICES = {
    "nova-compute": "compute",
    "nova-conductor": "conductor",
    "nova-scheduler": "scheduler",
}


class HostsController:
    """The hosts of the services, and what is used on each."""

    def __init__(self, db: Database, *, down_time_s: float) -> None:
        self._db = db
        self._down_time_s = down_time_s

    @api(until="2.42")
    def index(self, req: Request) -> Json:
        """List the services with their hosts, of one zone when asked."""
        require_admin(req.context, f"{RULE}:list")
        zone = req.GET.get("zone") or None
        return {
            "hosts": [
                {
                    "host_name": service.host,
                    "service": _SERVICES[service.binary],
                    "zone": service.availability_zone,
                }
                for service in hosts.list_services(self._db)
                if service.binary in _SERVICES
                and not service.is_disabled
                and zone in {None, service.availability_zone}
            ]
        }

    @api(until="2.42")
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show what a host has, what is used, and what each project's servers take."""
        require_admin(req.context, f"{RULE}:show")
        nodes = [node for node in hosts.list_nodes(self._db) if node.host == id]
        if not nodes:
            raise NotFound(f"Compute host {id} could not be found.", kind="host")
        shown = [
            _resource(id, "(total)", *_sums(nodes, "vcpus", "memory_mb", "disk_gb")),
            _resource(
                id, "(used_now)", *_sums(nodes, "vcpus_used", "memory_mb_used", "disk_gb_used")
            ),
        ]
        return {"host": shown + self._by_project(id)}

    @api(until="2.42", body=UPDATE)
    def update(self, req: Request, id: str, body: Json) -> NoReturn:  # noqa: A002
        """Enable a host, or say that it is maintained: no hypervisor of libvirt's can."""
        self._refuse(req, id, "update")

    @api(until="2.42")
    def startup(self, req: Request, id: str) -> NoReturn:  # noqa: A002
        """Switch a host on, which libvirt cannot."""
        self._refuse(req, id, "start")

    @api(until="2.42")
    def shutdown(self, req: Request, id: str) -> NoReturn:  # noqa: A002
        """Switch a host off, which libvirt cannot."""
        self._refuse(req, id, "shutdown")

    @api(until="2.42")
    def reboot(self, req: Request, id: str) -> NoReturn:  # noqa: A002
        """Switch a host off and on, which libvirt cannot."""
        self._refuse(req, id, "reboot")

    def _refuse(self, req: Request, host: str, rule: str) -> NoReturn:
        """Say what of a host hinders, as Nova does with libvirt: 404, 400 if it is down, or 501."""
        require_admin(req.context, f"{RULE}:{rule}")
        found = [
            one
            for one in hosts.list_services(self._db)
            if one.host == host and one.binary == "nova-compute"
        ]
        if not found:
            raise NotFound(f"Compute host {host} could not be found.", kind="host")
        if not found[0].is_up(utcnow(), self._down_time_s):
            raise Invalid(f"Compute service of {host} is unavailable at this time.")
        raise HttpError(501, "The requested functionality is not supported.")

    def _by_project(self, host: str) -> list[Json]:
        found = instances.list_instances(
            self._db, InstanceFilter(equals=(("host", host),), limit=1_000_000)
        )
        sizes: dict[str, list[int]] = {"(used_max)": [0, 0, 0]}
        for one in found:
            size = (one.flavor.vcpus, one.flavor.memory_mb, one.flavor.disk_gb)
            for key in ("(used_max)", one.project_id):
                total = sizes.setdefault(key, [0, 0, 0])
                sizes[key] = [a + b for a, b in zip(total, size, strict=True)]
        return [_resource(host, project, *size) for project, size in sizes.items()]


def _sums(nodes: list[ComputeNode], *names: str) -> list[int]:
    return [sum(getattr(node, name) for node in nodes) for name in names]


def _resource(host: str, project: str, cpu: int, memory_mb: int, disk_gb: int) -> Json:
    return {
        "resource": {
            "host": host, "project": project, "cpu": cpu, "memory_mb": memory_mb,
            "disk_gb": disk_gb,
        }
    }  # fmt: skip
