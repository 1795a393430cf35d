"""What a query may have: each name a list of texts, other names until a version that is strict."""

from __future__ import annotations

import functools
from collections.abc import Callable

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import (
    BOOLEAN,
    FQDN,
    NON_NEGATIVE_INTEGER,
    POSITIVE_INTEGER,
    Schema,
)

_STRICT = 75
_LATE = 102
"""Where the last of the queries became strict."""
_NEVER = 2**31


def _many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _one(schema: Schema) -> Schema:
    return {**_many(schema), "maxItems": 1}


_ANY = _many({"type": "string"})
_PATTERN = _many({"type": "string", "format": "regex"})
_NUMBER = _many(NON_NEGATIVE_INTEGER)
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_PAGE: Schema = {"limit": _NUMBER, "marker": _ANY}
_ONE_PAGE: Schema = {"limit": _one(NON_NEGATIVE_INTEGER), "marker": _one({"type": "string"})}
_OFFSET: Schema = {"limit": _NUMBER, "offset": _NUMBER}


def _any(*names: str) -> Schema:
    return dict.fromkeys(names, _ANY)


def _query(properties: Schema, *, is_strict: bool, **more: Schema) -> Schema:
    return {
        "type": "object", "properties": properties, "additionalProperties": not is_strict, **more,
    }  # fmt: skip


def growing(*steps: tuple[int, Schema], strict: int = _STRICT) -> Callable[[ApiVersion], Schema]:
    """Return what gives the schema of a query in a version.

    steps: from which minor version on there are which names, too, or anew; strict: from which on
    there are no others.
    """

    @functools.cache
    def query(version: ApiVersion) -> Schema:
        properties: Schema = {}
        for minor, names in steps:
            if version >= ApiVersion(2, minor):
                properties |= names
        return _query(properties, is_strict=version >= ApiVersion(2, strict))

    return query


NOTHING = growing(strict=_LATE)
"""Of what has no query."""
ANYTHING = growing(strict=_NEVER)
"""Of what Nova forgot when it made all others strict."""

_IGNORED_KEYS = (
    "architecture", "cell_name", "cleaned", "default_ephemeral_device", "default_swap_device",
    "deleted", "deleted_at", "disable_terminate", "ephemeral_gb", "ephemeral_key_uuid", "id",
    "key_data", "launched_on", "locked", "memory_mb", "os_type", "reservation_id", "root_gb",
    "shutdown_terminate", "user_data", "vcpus", "vm_mode",
)  # fmt: skip
"""Columns of Nova's that once could be named, without an effect."""
_SORT_KEYS = (
    "access_ip_v4", "access_ip_v6", "auto_disk_config", "availability_zone", "config_drive",
    "created_at", "display_description", "display_name", "host", "hostname", "image_ref",
    "instance_type_id", "kernel_id", "key_name", "launch_index", "launched_at", "locked_by", "node",
    "power_state", "progress", "project_id", "ramdisk_id", "root_device_name", "task_state",
    "terminated_at", "updated_at", "user_id", "uuid", "vm_state",
)  # fmt: skip


def _sorted_by(*keys: str) -> Schema:
    return {"sort_key": _many({"type": "string", "enum": list(keys)})}


_SERVERS = growing(
    (
        1,
        {
            **_any(
                "user_id", "project_id", "tenant_id", "launch_index", "image_ref", "image",
                "vm_state", "task_state", "host", "uuid", "sort_dir", "all_tenants",
                "soft_deleted", "deleted", "status", "block_device_mapping", "services",
                "metadata", "system_metadata", "info_cache", "security_groups", "pci_devices",
            ),
            **dict.fromkeys(
                (
                    "kernel_id", "ramdisk_id", "hostname", "key_name", "power_state", "node",
                    "flavor", "reservation_id", "launched_at", "terminated_at",
                    "availability_zone", "name", "display_name", "description",
                    "display_description", "locked_by", "root_device_name", "config_drive",
                    "access_ip_v4", "access_ip_v6", "auto_disk_config", "progress", "ip", "ip6",
                    "created_at",
                ),
                _PATTERN,
            ),
            **_sorted_by(*_SORT_KEYS, *_IGNORED_KEYS),
            "changes-since": _many(_MOMENT),
            **_PAGE,
        },
    ),
    (26, dict.fromkeys(("tags", "tags-any", "not-tags", "not-tags-any"), _PATTERN)),
    (66, {"changes-before": _many(_MOMENT)}),
    (73, {
        **_sorted_by("locked", *_SORT_KEYS, *(key for key in _IGNORED_KEYS if key != "locked")),
        **_any("locked"),
    }),
    (75, _sorted_by("locked", *_SORT_KEYS)),
)  # fmt: skip


@functools.cache
def servers(version: ApiVersion) -> Schema:
    """Return what GET /servers takes."""
    return {**_SERVERS(version), "patternProperties": {"^_": _ANY}}


_FLAVOR_SORT_KEYS = (
    "created_at", "description", "disabled", "ephemeral_gb", "flavorid", "id", "is_public",
    "memory_mb", "name", "root_gb", "rxtx_factor", "swap", "updated_at", "vcpu_weight", "vcpus",
)  # fmt: skip
FLAVORS = growing(
    (
        1,
        {
            **_PAGE,
            **_any("is_public", "minRam", "minDisk"),
            **_sorted_by(*_FLAVOR_SORT_KEYS),
            "sort_dir": _many({"type": "string", "enum": ["asc", "desc"]}),
        },
    ),
    (
        102,
        {
            **_any("name"),
            **_sorted_by(*(key for key in _FLAVOR_SORT_KEYS if key != "rxtx_factor")),
        },
    ),
)
KEYPAIRS = growing((10, _any("user_id")), (35, _PAGE))
KEYPAIR = growing((10, _any("user_id")))
_WITH_SERVERS: Schema = {"with_servers": _one(BOOLEAN)}
HYPERVISORS = growing(
    (33, _PAGE),
    (53, {**_ONE_PAGE, "hypervisor_hostname_pattern": _one(FQDN), **_WITH_SERVERS}),
    strict=53,
)
HYPERVISOR = growing((53, _WITH_SERVERS), strict=53)
SERVICES = growing((1, _any("host", "binary")))
SERVER_GROUPS = growing((1, {**_any("all_projects"), **_OFFSET}))
LIMITS = growing((1, _any("tenant_id")))
QUOTAS = growing((1, _any("user_id")))
USAGES = growing((1, _any("start", "end", "detailed")), (40, _PAGE))
USAGE = growing((1, _any("start", "end")), (40, _PAGE))
CONSOLE_TOKEN = growing(strict=99)
ATTACHMENTS = growing((1, _OFFSET))
ASSISTED_SNAPSHOT = growing((1, _any("delete_info")))
VOLUMES = growing((1, _OFFSET), strict=_LATE)
SECURITY_GROUPS = growing((1, {**_OFFSET, **_any("all_tenants")}), strict=_LATE)
_CHANGED: Schema = {"changes-since": _one(_MOMENT)}
ACTIONS = growing(
    (58, {**_ONE_PAGE, **_CHANGED}), (66, {"changes-before": _one(_MOMENT)}), strict=58
)
MIGRATIONS = growing(
    (
        1,
        _any("hidden", "host", "instance_uuid", "source_compute", "status", "migration_type"),
    ),
    (59, {**_ONE_PAGE, **_CHANGED}),
    (66, {"changes-before": _one(_MOMENT)}),
    (80, {name: _one({"type": "string"}) for name in ("user_id", "project_id")}),
    strict=59,
)
_POSITIVE = _many(POSITIVE_INTEGER)
IMAGES: Schema = _query(
    {"limit": _POSITIVE, "page_size": _POSITIVE, "offset": _POSITIVE}, is_strict=False
)
