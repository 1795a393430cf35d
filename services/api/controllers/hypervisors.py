"""/os-hypervisors."""

from __future__ import annotations

import uuid

from devstack_lite.clock import utcnow
from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import ComputeNode, ServiceRecord
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.policy import require_admin

_RULE = "os_compute_api:os-hypervisors:"


def number_of(identifier: str) -> int:
    """Return the whole number that stands for a UUID where v2.1 wants one."""
    return uuid.UUID(identifier).int % 0x7FFFFFFF


class HypervisorsController:
    """Nodes and what is used on them; for administrators."""

    def __init__(self, db: Database, *, down_time_s: float) -> None:
        self._db = db
        self._down_time_s = down_time_s

    def index(self, req: Request) -> Json:
        """List names and states."""
        require_admin(req.context, _RULE + "list")
        services = self._services()
        return {"hypervisors": [self._brief(node, services) for node in hosts.list_nodes(self._db)]}

    def detail(self, req: Request) -> Json:
        """List hypervisors in full."""
        require_admin(req.context, _RULE + "list-detail")
        services = self._services()
        return {"hypervisors": [self._full(node, services) for node in hosts.list_nodes(self._db)]}

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one hypervisor."""
        require_admin(req.context, _RULE + "show")
        return {"hypervisor": self._full(self._get(id), self._services())}

    def uptime(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show one hypervisor with how long it is up, as far as its service knows."""
        require_admin(req.context, _RULE + "uptime")
        node, services = self._get(id), self._services()
        service = services.get(node.host)
        since = service.created_at if service else None
        up_s = (utcnow() - since).total_seconds() if since else 0
        days, rest = divmod(int(up_s) // 60, 1440)
        text = f" {utcnow():%H:%M:%S} up {days} days, {rest // 60}:{rest % 60:02}"
        return {"hypervisor": {**self._brief(node, services), "uptime": text}}

    def search(self, req: Request, id: str) -> Json:  # noqa: A002
        """List the hypervisors whose name contains a text. Raises NotFound for none."""
        require_admin(req.context, _RULE + "search")
        services = self._services()
        found = [node for node in hosts.list_nodes(self._db) if id in node.hypervisor_hostname]
        if not found:
            raise NotFound(f"No hypervisor matching '{id}' could be found.", kind="hypervisor")
        return {"hypervisors": [self._brief(node, services) for node in found]}

    def statistics(self, req: Request) -> Json:
        """Add up all hypervisors."""
        require_admin(req.context, _RULE + "statistics")
        nodes = hosts.list_nodes(self._db)
        shown = [_resources(node) for node in nodes]
        names = (
            "vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used",
            "free_ram_mb", "free_disk_gb", "current_workload", "running_vms",
            "disk_available_least",
        )  # fmt: skip
        return {
            "hypervisor_statistics": {
                "count": len(nodes),
                **{name: sum(one[name] for one in shown) for name in names},
            }
        }

    def _services(self) -> dict[str, ServiceRecord]:
        return {
            service.host: service
            for service in hosts.list_services(self._db)
            if service.binary == "nova-compute"
        }

    def _get(self, identifier: str) -> ComputeNode:
        for node in hosts.list_nodes(self._db):
            if identifier in {str(number_of(node.id)), node.id}:
                return node
        raise NotFound(f"Hypervisor with ID '{identifier}' could not be found.", kind="hypervisor")

    def _brief(self, node: ComputeNode, services: dict[str, ServiceRecord]) -> Json:
        service = services.get(node.host)
        is_up = service is not None and service.is_up(utcnow(), self._down_time_s)
        is_disabled = service is not None and service.is_disabled
        return {
            "id": number_of(node.id),
            "hypervisor_hostname": node.hypervisor_hostname,
            "state": "up" if is_up else "down",
            "status": "disabled" if is_disabled else "enabled",
        }

    def _full(self, node: ComputeNode, services: dict[str, ServiceRecord]) -> Json:
        service = services.get(node.host)
        return {
            **self._brief(node, services),
            **_resources(node),
            "hypervisor_type": node.hypervisor_type,
            "hypervisor_version": node.hypervisor_version,
            "cpu_info": f'{{"arch": "{node.architecture}"}}',
            "host_ip": "127.0.0.1",
            "service": {
                "id": number_of(service.id) if service else None,
                "host": node.host,
                "disabled_reason": service.disabled_reason if service else None,
            },
        }


def _resources(node: ComputeNode) -> Json:
    return {
        "vcpus": node.vcpus,
        "memory_mb": node.memory_mb,
        "local_gb": node.disk_gb,
        "vcpus_used": node.vcpus_used,
        "memory_mb_used": node.memory_mb_used + node.reserved_memory_mb,
        "local_gb_used": node.disk_gb_used,
        "free_ram_mb": node.memory_mb - node.memory_mb_used - node.reserved_memory_mb,
        "free_disk_gb": node.disk_gb - node.disk_gb_used,
        "current_workload": node.io_ops,
        "running_vms": node.instances,
        "disk_available_least": node.disk_gb - node.disk_gb_used,
    }
