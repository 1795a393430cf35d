"""The query string of a server list as a filter on instances."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

import regex

from devstack_lite.db.instances import SORT_KEYS, InstanceFilter
from devstack_lite.exceptions import Invalid
from devstack_lite.states import PowerState, vm_states_of
from devstack_lite.wsgi.request import Request
from services.api.paging import page_size
from services.api.policy import allows, authorize

_TRUE = {"1", "true", "True", "yes", "on", ""}
_TRUTHS = {"1", "t", "true", "on", "y", "yes"}
_FALSEHOODS = {"0", "f", "false", "off", "n", "no"}

_EXACT = {"image": "image_ref", "reservation_id": "reservation_id"}
_EXACT_SINCE_2_83 = {
    "user_id": "user_id",
    "key_name": "key_name",
    "availability_zone": "availability_zone",
    "vm_state": "vm_state",
    "task_state": "task_state",
}
"""For everybody from then on, for administrators always; power_state, too."""
_EXACT_ADMIN = {
    "uuid": "uuid",
    "host": "host",
    "node": "node",
    "hostname": "hostname",
    "project_id": "project_id",
    "tenant_id": "project_id",
}
_PATTERNS = ("ip", "ip6")
_SORT_IGNORED = frozenset(
    {
        "architecture", "auto_disk_config", "cell_name", "cleaned", "default_ephemeral_device",
        "default_swap_device", "deleted", "deleted_at", "disable_terminate", "ephemeral_gb",
        "ephemeral_key_uuid", "id", "instance_type_id", "internal_id", "kernel_id", "launched_on",
        "memory_mb", "os_type", "ramdisk_id", "reservation_id", "root_device_name", "root_gb",
        "shutdown_terminate", "user_data", "vcpus", "vm_mode", "block_device_mapping", "extra",
        "info_cache", "metadata", "pci_devices", "security_groups", "services", "system_metadata",
    }
)  # fmt: skip
"""Columns and relations of Nova's that its schema knows and that give no order here."""


def filter_of(req: Request, *, max_limit: int, rule: str) -> InstanceFilter:
    """Return which instances the request asks for. Raises Invalid, Forbidden.

    rule: the list's own; `:get_all_tenants` behind it says who may list those of all projects.
    """
    query = req.GET
    context = req.context
    all_tenants = query.get("all_tenants", query.get("all_projects"))
    is_everywhere = all_tenants is not None and all_tenants in _TRUE
    if is_everywhere:
        authorize(context, f"{rule}:get_all_tenants")
    sees_all = allows(context, "os_compute_api:servers:allow_all_filters")
    knows_more = sees_all or req.since(2, 83)
    known = {
        **_EXACT,
        **(_EXACT_SINCE_2_83 if knows_more else {}),
        **(_EXACT_ADMIN if sees_all else {}),
    }
    patterns = _PATTERNS if sees_all or req.since(2, 5) else _PATTERNS[:1]
    check_span(req)
    equals: list[tuple[str, Any]] = [
        (column, query.getall(key) if len(query.getall(key)) > 1 else query[key])
        for key, column in known.items()
        if key in query
    ]
    equals += _locked(req)
    if knows_more:
        equals += [*_power_state(req), *_config_drive(req)]
    return InstanceFilter(
        project_id=None if is_everywhere else context.project_id,
        equals=tuple(equals),
        name_pattern=pattern_of("name", query.get("name")),
        ip_patterns=tuple(
            pattern for key in patterns if (pattern := pattern_of(key, query.get(key)))
        ),
        vm_states=tuple(
            state for status in query.getall("status") for state in _states(status, req)
        ),
        flavor_id=query.get("flavor"),
        changes_since=_moment(query.get("changes-since")),
        changes_before=_moment(query.get("changes-before")) if req.since(2, 66) else None,
        **_tags(req),
        is_deleted=_deleted(req),
        sort=_sort(req),
        marker=query.get("marker"),
        limit=page_size(req, max_limit),
    )


def pattern_of(key: str, text: str | None) -> str | None:
    """Return the regular expression that a query names. Raises Invalid for what is none."""
    if not text:
        return None
    try:
        regex.compile(text)
    except (regex.error, RecursionError) as error:
        raise Invalid(
            f"Invalid input for query parameters {key}. Value: {text}. {error}"
        ) from error
    return text


def _states(status: str, req: Request) -> tuple[Any, ...]:
    found = vm_states_of(status)
    if not found and req.since(2, 38):
        raise Invalid(f"Invalid status value: {status}")
    if not found:
        # Nova answers an unknown status with an empty list; no instance has this state.
        return ("unknown",)
    return found


def _locked(req: Request) -> list[tuple[str, Any]]:
    if not req.since(2, 73) or "locked" not in req.GET:
        return []
    return [("is_locked", _flag(req, "locked"))]


def _config_drive(req: Request) -> list[tuple[str, Any]]:
    return [("config_drive", _flag(req, "config_drive"))] if "config_drive" in req.GET else []


def _flag(req: Request, key: str) -> bool:
    text = req.GET[key].lower()
    if text not in _TRUTHS | _FALSEHOODS:
        raise Invalid(f"Invalid input for query parameters {key}. Value: {req.GET[key]}.")
    return text in _TRUTHS


def _power_state(req: Request) -> list[tuple[str, Any]]:
    """Return the states asked for; one that is no number is no server's."""
    asked = req.GET.getall("power_state")
    known = {str(int(state)): int(state) for state in PowerState}
    return [("power_state", [known[one] for one in asked if one in known])] if asked else []


def _tags(req: Request) -> dict[str, tuple[str, ...]]:
    if not req.since(2, 26):
        return {}
    names = {"all_tags": "tags", "any_tags": "tags-any", "not_all_tags": "not-tags",
             "not_any_tags": "not-tags-any"}  # fmt: skip
    return {
        field: tuple(tag for tag in req.GET.get(name, "").split(",") if tag)
        for field, name in names.items()
    }


def check_span(req: Request) -> None:
    """Raise Invalid when, from 2.66 on, changes-before is before changes-since."""
    is_span = req.since(2, 66) and {"changes-since", "changes-before"} <= set(req.GET)
    if is_span and moment_in(req, "changes-since") > moment_in(req, "changes-before"):
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")


def is_between(req: Request, moment: datetime.datetime) -> bool:
    """Say whether a change is of the time asked for; changes-before came with 2.66."""
    if moment < moment_in(req, "changes-since"):
        return False
    has_end = req.since(2, 66) and "changes-before" in req.GET
    return not has_end or moment <= moment_in(req, "changes-before")


def moment_in(req: Request, key: str) -> datetime.datetime:
    """Return the moment that a query names; the first of all when it names none. Raises Invalid."""
    found = _moment(req.GET.get(key))
    return found or datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _deleted(req: Request) -> bool | None:
    if "deleted" in req.GET and req.context.is_admin:
        return req.GET["deleted"] in _TRUE
    if "changes-since" in req.GET:
        return None
    return "DELETED" in [status.upper() for status in req.GET.getall("status")]


def _moment(text: str | None) -> datetime.datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
        # At either end of what there is, a moment may have no form in UTC.
        return (
            moment.astimezone(datetime.UTC)
            if moment.tzinfo
            else moment.replace(tzinfo=datetime.UTC)
        )
    except (ValueError, OverflowError) as error:
        raise Invalid(
            f"Invalid input for query parameters changes-since. Value: {text}."
            " It is not a date and time."
        ) from error


def _sort(req: Request) -> tuple[tuple[str, str], ...]:
    asked = req.GET.getall("sort_key") or ["created_at"]
    directions = req.GET.getall("sort_dir")
    for direction in directions:
        if direction not in {"asc", "desc"}:
            raise Invalid(f"Unknown sort direction, must be 'desc' or 'asc'. Value: {direction}")
    pairs = []
    for key, direction in itertools.zip_longest(asked, directions[: len(asked)]):
        if key not in SORT_KEYS.keys() | _SORT_IGNORED or (
            key == "locked" and not req.since(2, 73)
        ):
            raise Invalid(f"Invalid input for query parameters sort_key. Value: {key}.")
        pairs.append((key, direction or (directions[0] if directions else "desc")))
    kept = [(key, direction) for key, direction in pairs if key in SORT_KEYS]
    kept = kept or [("created_at", "desc")]
    if "uuid" not in asked:
        kept.append(("uuid", kept[-1][1]))
    return tuple(kept)
