"""/extensions: what older clients ask before they use a part of the API."""

from __future__ import annotations

from collections.abc import Iterable

from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.extensions import ExtensionRecord
from devstack_lite.wsgi.request import Request
from services.api.policy import authorize

UPDATED = "2014-12-03T00:00:00Z"
_NAMESPACE = "http://docs.openstack.org/compute/ext/fake_xml"

EXTENSIONS: dict[str, tuple[str, str]] = {
    "os-admin-actions": ("AdminActions", "Actions of administrators on servers."),
    "os-aggregates": ("Aggregates", "Groups of hosts."),
    "os-attach-interfaces": ("AttachInterfaces", "Ports of servers that exist."),
    "os-availability-zone": ("AvailabilityZone", "Availability zones."),
    "os-console-output": ("ConsoleOutput", "What servers wrote on their consoles."),
    "os-consoles": ("Consoles", "URLs of servers' consoles, by actions."),
    "os-evacuate": ("Evacuate", "Servers built anew when their host is gone."),
    "os-extended-volumes": ("ExtendedVolumes", "Volumes in a server's view."),
    "os-flavor-extra-specs": ("FlavorExtraSpecs", "Extra specs of flavors."),
    "os-floating-ip-pools": ("FloatingIpPools", "What floating IPs can be had of."),
    "os-floating-ips": ("FloatingIps", "Floating IPs, as network has them."),
    "os-hosts": ("Hosts", "Hosts of the services, and what is used on them."),
    "os-hypervisors": ("Hypervisors", "Hypervisor nodes."),
    "os-instance-actions": ("InstanceActions", "What was asked of servers."),
    "os-instance-usage-audit-log": ("OSInstanceUsageAuditLog", "Which hosts reported usage."),
    "os-keypairs": ("Keypairs", "Users' key pairs."),
    "os-migrations": ("Migrations", "Records of moves."),
    "os-networks": ("Networks", "Networks, as network has them."),
    "os-quota-class-sets": ("QuotaClasses", "The default limits of projects."),
    "os-quota-sets": ("Quotas", "Limits of projects."),
    "os-remote-consoles": ("Consoles", "URLs of servers' consoles."),
    "os-security-groups": ("SecurityGroups", "Security groups, as network has them."),
    "os-server-diagnostics": ("ServerDiagnostics", "Figures of servers."),
    "os-server-groups": ("ServerGroups", "Servers that go together or apart."),
    "os-server-password": ("ServerPassword", "Passwords that servers posted."),
    "os-services": ("Services", "The daemons and their states."),
    "os-simple-tenant-usage": ("SimpleTenantUsage", "What projects used."),
    "os-tenant-networks": ("OSTenantNetworks", "Networks, as projects see them."),
    "os-used-limits": ("UsedLimits", "What a project uses beside its limits."),
    "os-volumes": ("Volumes", "Volumes of servers that exist."),
}
"""Alias: name and description. What is not offered is not among them."""


class ExtensionsController:
    """Knows its answer from the start: what of the table is there, and what packages bring."""

    def __init__(self, records: Iterable[ExtensionRecord]) -> None:
        self._records = {one.alias: one for one in records}

    def index(self, req: Request) -> Json:
        """List all."""
        authorize(req.context, "os_compute_api:extensions")
        return {"extensions": [_view(one) for one in self._records.values()]}

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one by its alias."""
        authorize(req.context, "os_compute_api:extensions")
        found = self._records.get(id)
        if found is None:
            raise NotFound("The resource could not be found.", kind="extension")
        return {"extension": _view(found)}


def _view(record: ExtensionRecord) -> Json:
    return {
        "alias": record.alias,
        "name": record.name,
        "description": record.description,
        "namespace": _NAMESPACE,
        "updated": record.updated,
        "links": [],
    }
