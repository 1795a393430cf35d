"""/os-simple-tenant-usage: how long projects had how much."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from devstack_lite import clock
from devstack_lite.db import usage
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_size
from services.api.policy import authorize, require_admin
from services.api.schemas import queries
from services.api.views.links import next_link

_RULE = "os_compute_api:os-simple-tenant-usage"
_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From when to when is counted."""

    start: datetime.datetime
    stop: datetime.datetime


class TenantUsageController:
    """Counted anew each time from the instances, which are kept when they are deleted.

    By pages of instances from 2.40 on: a project may be on several, and each counts its own.
    """

    def __init__(self, db: Database, *, max_limit: int) -> None:
        self._db = db
        self._max_limit = max_limit

    @api(query=queries.USAGES)
    def index(self, req: Request) -> Json:
        """Show every project's usage, with its servers when detailed=1; for administrators."""
        require_admin(req.context, f"{_RULE}:list")
        period = _period(req)
        page, links = self._page(req, period)
        by_project: dict[str, list[Instance]] = defaultdict(list)
        for instance in page:
            by_project[instance.project_id].append(instance)
        is_detailed = req.GET.get("detailed") == "1"
        shown = [
            _usage(project_id, found, period, is_detailed=is_detailed)
            for project_id, found in by_project.items()
        ]
        return {"tenant_usages": shown, **({"tenant_usages_links": links} if links else {})}

    @api(query=queries.USAGE)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a project's usage with its servers; {} when it had none."""
        authorize(req.context, f"{_RULE}:show", project_id=id)
        period = _period(req)
        found, links = self._page(req, period, id)
        return {
            "tenant_usage": _usage(id, found, period, is_detailed=True) if found else {},
            **({"tenant_usage_links": links} if links else {}),
        }

    def _page(
        self, req: Request, period: Period, project_id: str | None = None
    ) -> tuple[list[Instance], list[Json]]:
        """Return the instances asked for, and the link to the next ones where there may be more.

        Before 2.40 there is one page. Raises Invalid.
        """
        is_paged = req.since(2, 40)
        size = page_size(req, self._max_limit) if is_paged else self._max_limit
        found = usage.instances_between(
            self._db, period.start, period.stop, project_id=project_id, limit=size,
            marker=req.GET.get("marker") if is_paged else None,
        )  # fmt: skip
        is_full = is_paged and bool(found) and len(found) == size
        return found, next_link(req, found[-1].uuid) if is_full else []


def _period(req: Request) -> Period:
    """Return the time asked for, up to now; what is not said is now. Raises Invalid."""
    start, stop = _moment(req.GET.get("start")), _moment(req.GET.get("end"))
    if not start < stop:
        raise Invalid("Invalid start time. The start time cannot occur after the end time.")
    return Period(start=start, stop=min(stop, clock.utcnow()))


def _moment(text: str | None) -> datetime.datetime:
    if not text:
        return clock.utcnow()
    for form in _FORMS:
        try:
            return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.UTC)
        except ValueError:
            continue
    raise Invalid(f"Datetime is in invalid format: {text}")


def _usage(
    project_id: str, found: Sequence[Instance], period: Period, *, is_detailed: bool
) -> Json:
    hours = {instance.uuid: _hours(instance, period) for instance in found}

    def total(what: str) -> float:
        return sum(_size(instance)[what] * hours[instance.uuid] for instance in found)

    shown: Json = {
        "tenant_id": project_id,
        "total_hours": sum(hours.values()),
        "total_vcpus_usage": total("vcpus"),
        "total_memory_mb_usage": total("memory_mb"),
        "total_local_gb_usage": total("local_gb"),
        "start": _shown(period.start),
        "stop": _shown(period.stop),
    }
    if is_detailed:
        shown["server_usages"] = [_server(one, hours[one.uuid]) for one in found]
    return shown


def _size(instance: Instance) -> dict[str, int]:
    flavor = instance.flavor
    return {
        "vcpus": flavor.vcpus,
        "memory_mb": flavor.memory_mb,
        "local_gb": flavor.root_gb + flavor.ephemeral_gb,
    }


def _launched(instance: Instance) -> datetime.datetime:
    """Return when it was launched: instances_between finds no other ones."""
    return instance.launched_at or clock.utcnow()


def _hours(instance: Instance, period: Period) -> float:
    began = max(_launched(instance), period.start)
    ended = min(instance.terminated_at or period.stop, period.stop)
    return max(0.0, (ended - began).total_seconds()) / 3600


def _server(instance: Instance, hours: float) -> Json:
    ended = instance.terminated_at
    up = (ended or clock.utcnow()) - _launched(instance)
    return {
        "name": instance.name,
        "instance_id": instance.uuid,
        "tenant_id": instance.project_id,
        "flavor": instance.flavor.name,
        "hours": hours,
        **_size(instance),
        "started_at": _shown(instance.launched_at),
        "ended_at": _shown(ended),
        "state": "terminated" if ended else str(instance.vm_state),
        "uptime": int(up.total_seconds()),
    }


def _shown(moment: datetime.datetime | None) -> str | None:
    return clock.to_micro(moment)
