"""/os-instance_usage_audit_log: which hosts have reported what their instances used in a month.

A host reports when Nova's option instance_usage_audit is on, which by default it is not, and which
is not among the options here: what is shown is Nova's answer for a cloud without it.
"""

from __future__ import annotations

import datetime

from devstack_lite import clock
from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.policy import require_admin

_RULE = "os_compute_api:os-instance-usage-audit-log"
_FORM = "%Y-%m-%d %H:%M:%S"


class AuditLogController:
    """The last whole month, for administrators."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def index(self, req: Request) -> Json:
        """Show the last month that is over."""
        require_admin(req.context, f"{_RULE}:list")
        return {"instance_usage_audit_logs": self._log(clock.utcnow())}

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show the last month that was over before a moment."""
        require_admin(req.context, f"{_RULE}:show")
        try:
            form = f"{_FORM}.%f" if "." in id else _FORM
            before = datetime.datetime.strptime(id, form).replace(tzinfo=datetime.UTC)
            return {"instance_usage_audit_log": self._log(before)}
        except (ValueError, OverflowError) as error:
            raise Invalid(f"Invalid timestamp for date {id}") from error

    def _log(self, before: datetime.datetime) -> Json:
        begin, end = _month_before(before)
        names = sorted(
            one.host for one in hosts.list_services(self._db) if one.binary == "nova-compute"
        )
        done = "ALL" if not names else f"0 of {len(names)}"
        return {
            "period_beginning": begin.strftime(_FORM),
            "period_ending": end.strftime(_FORM),
            "num_hosts": len(names),
            "num_hosts_done": 0,
            "num_hosts_running": 0,
            "num_hosts_not_run": len(names),
            "hosts_not_run": names,
            "total_instances": 0,
            "total_errors": 0,
            "overall_status": f"{done} hosts done. 0 errors.",
            "log": {},
        }


def _month_before(moment: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
    """Return when the last month that was over at a moment began and ended. Raises OverflowError.

    A month ends with its last moment: at midnight of the first the month before last is the one.
    """
    one = datetime.timedelta(microseconds=1)
    end = _first_of(moment - one)
    return _first_of(end - one), end


def _first_of(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
