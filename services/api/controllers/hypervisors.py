"""/os-hypervisors."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence

from devstack_lite.clock import utcnow
from devstack_lite.db import hosts, instances
from devstack_lite.db.engine import Database
from devstack_lite.db.instances import InstanceFilter
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.compute import ComputeNode, ServiceRecord
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_size
from services.api.policy import require_admin
from services.api.schemas import queries
from services.api.views.links import next_link

_RULE = "os_compute_api:os-hypervisors:"


def number_of(identifier: str) -> int:
    """Return the whole number that stands for a UUID where v2.1 wants one."""
    return uuid.UUID(identifier).int % 0x7FFFFFFF


class HypervisorsController:
    """Nodes and what is used on them; for administrators."""

    def __init__(self, db: Database, *, down_time_s: float, max_limit: int) -> None:
        self._max_limit = max_limit
        self._db = db
        self._down_time_s = down_time_s

    @api(query=queries.HYPERVISORS)
    def index(self, req: Request) -> Json:
        """List names and states."""
        require_admin(req.context, _RULE + "list")
        return self._list(req, self._brief)

    @api(query=queries.HYPERVISORS)
    def detail(self, req: Request) -> Json:
        """List hypervisors in full."""
        require_admin(req.context, _RULE + "list-detail")
        return self._list(req, self._full)

    def _list(
        self, req: Request, view: Callable[[Request, ComputeNode, dict[str, ServiceRecord]], Json]
    ) -> Json:
        """List, by pages from 2.33 on, by name and with the servers from 2.53 on."""
        services = self._services()
        if not req.since(2, 33):
            found = hosts.list_nodes(self._db)
            return {"hypervisors": [view(req, node, services) for node in found]}
        size = page_size(req, self._max_limit)
        pattern = req.GET.get("hypervisor_hostname_pattern") if req.since(2, 53) else None
        if pattern is not None:
            if "limit" in req.GET or "marker" in req.GET:
                raise Invalid(
                    "Paging over hypervisors with the hypervisor_hostname_pattern query parameter"
                    " is not supported."
                )
            found = self._matching(pattern)
        else:
            found = hosts.list_nodes(self._db, marker=self._marker(req), limit=size + 1)
        page = found if pattern is not None else found[:size]
        shown: Json = {"hypervisors": [view(req, node, services) for node in page]}
        if _is_true(req, "with_servers") and req.since(2, 53):
            self._add_servers(page, shown["hypervisors"], is_always=req.since(2, 75))
        if len(found) > len(page):
            shown["hypervisors_links"] = next_link(req, str(shown["hypervisors"][-1]["id"]))
        return shown

    def _marker(self, req: Request) -> str | None:
        text = req.GET.get("marker")
        if text is None:
            return None
        try:
            return self._get(text).id
        except NotFound as error:
            raise Invalid(f"marker [{text}] not found") from error

    def _add_servers(
        self, nodes: Sequence[ComputeNode], shown: Sequence[Json], *, is_always: bool = False
    ) -> None:
        found = instances.list_instances(
            self._db,
            InstanceFilter(
                equals=(("node", [node.hypervisor_hostname for node in nodes]),), limit=1_000_000
            ),
        )
        on: dict[str, list[Json]] = defaultdict(list)
        for one in found:
            on[str(one.node)].append({"uuid": one.uuid, "name": one.name})
        for node, view in zip(nodes, shown, strict=True):
            if node.hypervisor_hostname in on or is_always:
                view["servers"] = on[node.hypervisor_hostname]

    @api(query=queries.HYPERVISOR)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one hypervisor."""
        require_admin(req.context, _RULE + "show")
        node = self._get(id)
        shown = self._full(req, node, self._services())
        if _is_true(req, "with_servers") and req.since(2, 53):
            self._add_servers([node], [shown], is_always=req.since(2, 75))
        return {"hypervisor": shown}

    @api(until="2.52")
    def servers(self, req: Request, id: str) -> Json:  # noqa: A002
        """List the hypervisors whose name contains a text, with their servers."""
        require_admin(req.context, _RULE + "servers")
        found = self._matching(id)
        services = self._services()
        shown = [self._brief(req, node, services) for node in found]
        self._add_servers(found, shown)
        return {"hypervisors": shown}

    @api(until="2.87")
    def uptime(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show one hypervisor with how long it is up, as far as its service knows."""
        require_admin(req.context, _RULE + "uptime")
        node, services = self._get(id), self._services()
        text = _uptime(services.get(node.host))
        return {"hypervisor": {**self._brief(req, node, services), "uptime": text}}

    @api(until="2.52")
    def search(self, req: Request, id: str) -> Json:  # noqa: A002
        """List the hypervisors whose name contains a text. Raises NotFound for none."""
        require_admin(req.context, _RULE + "search")
        services = self._services()
        return {"hypervisors": [self._brief(req, node, services) for node in self._matching(id)]}

    def _matching(self, text: str) -> list[ComputeNode]:
        found = [node for node in hosts.list_nodes(self._db) if text in node.hypervisor_hostname]
        if not found:
            raise NotFound(f"No hypervisor matching '{text}' could be found.", kind="hypervisor")
        return found

    @api(until="2.87")
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

    def _brief(self, req: Request, node: ComputeNode, services: dict[str, ServiceRecord]) -> Json:
        service = services.get(node.host)
        is_up = service is not None and service.is_up(utcnow(), self._down_time_s)
        is_disabled = service is not None and service.is_disabled
        return {
            "id": _id_of(req, node.id),
            "hypervisor_hostname": node.hypervisor_hostname,
            "state": "up" if is_up else "down",
            "status": "disabled" if is_disabled else "enabled",
        }

    def _full(self, req: Request, node: ComputeNode, services: dict[str, ServiceRecord]) -> Json:
        service = services.get(node.host)
        shown = {
            **self._brief(req, node, services),
            "hypervisor_type": node.hypervisor_type,
            "hypervisor_version": node.hypervisor_version,
            "host_ip": node.host_ip,
            "service": {
                "id": _id_of(req, service.id) if service else None,
                "host": node.host,
                "disabled_reason": service.disabled_reason if service else None,
            },
        }
        if req.since(2, 88):
            return shown | {"uptime": _uptime(service)}
        cpu_info = {"arch": node.architecture}
        return (
            shown
            | _resources(node)
            | {
                "cpu_info": cpu_info if req.since(2, 28) else json.dumps(cpu_info),
            }
        )


def _id_of(req: Request, identifier: str) -> str | int:
    return identifier if req.since(2, 53) else number_of(identifier)


def _is_true(req: Request, key: str) -> bool:
    text = req.GET.get(key, "false").lower()
    if text not in {"true", "false", "1", "0", "yes", "no", "on", "off", "t", "f", "y", "n"}:
        raise Invalid(f"Invalid input for query parameters {key}. Value: {text}.")
    return text in {"true", "1", "yes", "on", "t", "y"}


def _uptime(service: ServiceRecord | None) -> str:
    """Return how long a host's service is there, as `uptime` would say it."""
    since = service.created_at if service else None
    up_s = (utcnow() - since).total_seconds() if since else 0
    days, rest = divmod(int(up_s) // 60, 1440)
    return f" {utcnow():%H:%M:%S} up {days} days, {rest // 60}:{rest % 60:02}"


def _resources(node: ComputeNode) -> Json:
    return {
        "vcpus": node.vcpus,
        "memory_mb": node.memory_mb,
        "local_gb": node.disk_gb,
        "vcpus_used": node.vcpus_used + node.reserved_vcpus,
        "memory_mb_used": node.memory_mb_used + node.reserved_memory_mb,
        "local_gb_used": node.disk_gb_used + node.reserved_disk_gb,
        "free_ram_mb": node.memory_mb - node.memory_mb_used - node.reserved_memory_mb,
        "free_disk_gb": node.disk_gb - node.disk_gb_used - node.reserved_disk_gb,
        "current_workload": node.io_ops,
        "running_vms": node.instances,
        "disk_available_least": node.disk_gb - node.disk_gb_used - node.reserved_disk_gb,
    }
