"""Which names a query may have: from 2.75 on, and where paging came with strictness, no others."""

from __future__ import annotations

from collections.abc import Callable

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.servers import Schema

_PAGE = ("limit", "marker")
_SPAN = ("changes-since", "changes-before")


def only(
    *names: str, since: int = 75, later: tuple[str, ...] = ()
) -> Callable[[ApiVersion], Schema]:
    """Return what gives the schema of a query with these names in a version.

    later: what may be there from 2.102 on.
    """
    anything: Schema = {}
    these, more = _these(names), _these((*names, *later))
    first, last = ApiVersion(2, since), ApiVersion(2, 102)

    def schema(version: ApiVersion) -> Schema:
        if version < first:
            return anything
        return more if version >= last else these

    return schema


def _these(names: tuple[str, ...]) -> Schema:
    return {"additionalProperties": False, "properties": {name: {} for name in names}}


NOTHING = only(since=102)
"""What Nova takes no query with from 2.102 on, and passed over before."""


SERVERS = only(
    *_PAGE, *_SPAN, "sort_key", "sort_dir", "all_tenants", "all_projects", "access_ip_v4",
    "access_ip_v6", "auto_disk_config", "availability_zone", "config_drive", "created_at",
    "deleted", "description", "display_description", "display_name", "flavor", "host", "hostname",
    "image", "image_ref", "instance_type_id", "ip", "ip6", "kernel_id", "key_name", "launch_index",
    "launched_at", "locked", "locked_by", "name", "node", "not-tags", "not-tags-any", "os_type",
    "power_state", "progress", "project_id", "ramdisk_id", "reservation_id", "root_device_name",
    "soft_deleted", "status", "tags", "tags-any", "task_state", "tenant_id", "terminated_at",
    "user_id", "uuid", "vm_state",
)  # fmt: skip
FLAVORS = only(*_PAGE, "is_public", "minRam", "minDisk", "sort_key", "sort_dir", later=("name",))
KEYPAIRS = only(*_PAGE, "user_id")
KEYPAIR = only("user_id")
HYPERVISORS = only(*_PAGE, "hypervisor_hostname_pattern", "with_servers")
HYPERVISOR = only("with_servers")
SERVICES = only("host", "binary")
SERVER_GROUPS = only("all_projects", "limit", "offset", "marker")
LIMITS = only("reserved", "tenant_id")
QUOTAS = only("user_id")
USAGES = only(*_PAGE, "start", "end", "detailed")
USAGE = only(*_PAGE, "start", "end")
CONSOLE_TOKEN = only(since=99)
ATTACHMENTS = only("limit", "offset")
ACTIONS = only(*_PAGE, *_SPAN, since=58)
MIGRATIONS = only(
    *_PAGE, *_SPAN, "hidden", "host", "instance_uuid", "migration_type", "project_id",
    "source_compute", "status", "user_id", since=59,
)  # fmt: skip
