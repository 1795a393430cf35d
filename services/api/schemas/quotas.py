"""Bodies of /os-quota-sets and /os-quota-class-sets."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import BOOLEAN, LIMIT, Schema, body, record

_NETWORKS = ("floating_ips", "fixed_ips", "security_groups", "security_group_rules")
_INJECTED = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")
_NAMES = (
    "instances", "cores", "ram", *_NETWORKS[:2], "metadata_items", "key_pairs", *_NETWORKS[2:],
    *_INJECTED, "server_groups", "server_group_members",
)  # fmt: skip


def _limits(version: ApiVersion, *, networks_until: int) -> Schema:
    """Return what has a limit in a version."""
    gone = {
        *(_NETWORKS if version > ApiVersion(2, networks_until) else ()),
        *(_INJECTED if version >= ApiVersion(2, 57) else ()),
    }
    return {name: LIMIT for name in _NAMES if name not in gone}


@functools.cache
def quota_set(version: ApiVersion) -> Schema:
    """Return what a project may be given."""
    return body("quota_set", record({**_limits(version, networks_until=35), "force": BOOLEAN}))


@functools.cache
def class_set(version: ApiVersion) -> Schema:
    """Return what a class may be given."""
    return body("quota_class_set", record(_limits(version, networks_until=49)))
