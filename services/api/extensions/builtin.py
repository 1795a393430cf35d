"""The API's own parts, as options allow or deny them.

What has no resource of its own here, an action on servers or an attribute, is always there.
"""

from __future__ import annotations

from dataclasses import dataclass

from devstack_lite.wsgi.extensions import ExtensionRecord
from services.api.controllers.extensions import EXTENSIONS, UPDATED

CORE = frozenset({"servers", "flavors", "limits", "extensions"})
"""Resources without which no client works; their aliases are the same."""

_RESOURCES: dict[str, str] = {
    "os-aggregates": "aggregates",
    "os-attach-interfaces": "interfaces",
    "os-availability-zone": "availability_zones",
    "os-decisions": "decisions",
    "os-flavor-extra-specs": "flavor_extra_specs",
    "os-floating-ips": "floating_ips",
    "os-hosts": "hosts",
    "os-hypervisors": "hypervisors",
    "os-instance-actions": "instance_actions",
    "os-instance-usage-audit-log": "audit_log",
    "os-keypairs": "keypairs",
    "os-migrations": "migrations",
    "os-networks": "networks",
    "os-quota-sets": "quotas",
    "os-security-groups": "security_groups",
    "os-server-groups": "server_groups",
    "os-services": "services",
    "os-simple-tenant-usage": "tenant_usage",
    "os-volumes": "volume_attachments",
}
"""Alias: the resource that goes when it is denied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """A part of the API. resource is empty where it has none of its own, and cannot be denied."""

    alias: str
    resource: str = ""
    record: ExtensionRecord | None = None
    """What GET /extensions says of it; None where Nova does not list it."""


def _record(alias: str) -> ExtensionRecord | None:
    if alias not in EXTENSIONS:
        return None
    name, description = EXTENSIONS[alias]
    return ExtensionRecord(alias=alias, name=name, description=description, updated=UPDATED)


BUILTINS: tuple[Builtin, ...] = (
    *(Builtin(alias=name, resource=name) for name in sorted(CORE)),
    *(
        Builtin(alias=alias, resource=_RESOURCES.get(alias, ""), record=_record(alias))
        for alias in [*EXTENSIONS, *(name for name in _RESOURCES if name not in EXTENSIONS)]
    ),
)
