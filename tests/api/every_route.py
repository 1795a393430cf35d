"""The compute API's routes and actions, each with a body that it takes, and whose they are."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from devstack_lite.wsgi.resource import methods_of
from devstack_lite.wsgi.router import Route
from services.api.controllers import server_actions
from services.api.controllers.servers import ServersController
from services.api.routes import ROUTES

VERSIONS = ("2.1", "2.104")
NOTHING = "99999999-8888-4777-8666-555555555555"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f x"

BODIES: dict[str, Any] = {
    "volumes.create": {"volume": {"size": 1}},
    "volume_attachments.update": {"volumeAttachment": {"volumeId": NOTHING}},
    "snapshots.create": {"snapshot": {"volume_id": NOTHING}},
    "servers.create": {"server": {"name": "x", "flavorRef": "1", "imageRef": NOTHING}},
    "servers.update": {"server": {"name": "theirs"}},
    "servers.remote_consoles": {"remote_console": {"protocol": "vnc", "type": "novnc"}},
    "server_metadata.create": {"metadata": {"color": "red"}},
    "server_metadata.update_all": {"metadata": {"color": "red"}},
    "server_metadata.update": {"meta": {"color": "red"}},
    "volume_attachments.create": {"volumeAttachment": {"volumeId": NOTHING}},
    "shares.create": {"share": {"share_id": NOTHING}},
    "interfaces.create": {"interfaceAttachment": {"net_id": NOTHING}},
    "tags.update_all": {"tags": ["red"]},
    "assisted_volume_snapshots.create": {
        "snapshot": {
            "volume_id": NOTHING,
            "create_info": {"snapshot_id": NOTHING, "type": "qcow2", "new_file": "new"},
        }
    },
    "external_events.create": {"events": [{"server_uuid": NOTHING, "name": "network-changed"}]},
    "decisions.what_if": {"what_if": {"flavorRef": "1", "imageRef": NOTHING}},
    "migrations.action": {"force_complete": None},
    "hosts.update": {"status": "enable"},
    "image_metadata.create": {"metadata": {"color": "red"}},
    "image_metadata.update_all": {"metadata": {"color": "red"}},
    "image_metadata.update": {"meta": {"color": "red"}},
    "security_groups.create": {"security_group": {"name": "x", "description": ""}},
    "security_groups.update": {"security_group": {"name": "default", "description": ""}},
    "security_groups.create_rule": {
        "security_group_rule": {
            "parent_group_id": NOTHING, "ip_protocol": "tcp", "from_port": 22, "to_port": 22,
        }
    },
    "floating_ips.create": {"pool": "nowhere"},
    "flavors.create": {"flavor": {"name": "theirs", "ram": 64, "vcpus": 1, "disk": 1}},
    "flavors.update": {"flavor": {"description": "theirs"}},
    "flavors.action": {"addTenantAccess": {"tenant": "e" * 32}},
    "flavor_extra_specs.create": {"extra_specs": {"color": "red"}},
    "flavor_extra_specs.update": {"color": "red"},
    "keypairs.create": {"keypair": {"name": "theirs", "user_id": "demo", "public_key": KEY}},
    "services.enable": {"host": "nowhere", "binary": "nova-compute"},
    "services.disable": {"host": "nowhere", "binary": "nova-compute"},
    "services.disable_with_reason": {
        "host": "nowhere", "binary": "nova-compute", "disabled_reason": "x",
    },
    "services.force_down": {"host": "nowhere", "binary": "nova-compute", "forced_down": True},
    "services.update": {"status": "disabled"},
    "aggregates.create": {"aggregate": {"name": "theirs"}},
    "aggregates.update": {"aggregate": {"name": "theirs"}},
    "aggregates.images": {"cache": [{"id": NOTHING}]},
    "aggregates.action": {"add_host": {"host": "nowhere"}},
    "server_groups.create": {"server_group": {"name": "theirs", "policies": ["affinity"]}},
    "quotas.update": {"quota_set": {"cores": 1}},
    "quotas.update_class": {"quota_class_set": {"cores": 1}},
}  # fmt: skip
"""By route: a body that the method takes, where it takes one."""

ACTION_BODIES: dict[str, Any] = {
    "volumes.create": {"volume": {"size": 1}},
    "volume_attachments.update": {"volumeAttachment": {"volumeId": NOTHING}},
    "snapshots.create": {"snapshot": {"volume_id": NOTHING}},
    "reboot": {"type": "SOFT"},
    "rebuild": {"imageRef": NOTHING},
    "resize": {"flavorRef": "1"},
    "os-resetState": {"state": "active"},
    "changePassword": {"adminPass": "theirs"},
    "os-getConsoleOutput": {},
    "os-getVNCConsole": {"type": "novnc"},
    "os-getSPICEConsole": {"type": "spice-html5"},
    "os-getSerialConsole": {"type": "serial"},
    "os-migrateLive": {"host": None, "block_migration": False, "disk_over_commit": False},
    "evacuate": {"onSharedStorage": False},
    "createImage": {"name": "theirs"},
    "createBackup": {"name": "theirs", "backup_type": "daily", "rotation": 1},
    "addFixedIp": {"networkId": NOTHING},
    "removeFixedIp": {"address": "203.0.113.9"},
    "addFloatingIp": {"address": "203.0.113.9"},
    "removeFloatingIp": {"address": "203.0.113.9"},
    "addSecurityGroup": {"name": "default"},
    "removeSecurityGroup": {"name": "default"},
}
"""By action: what is not null."""

OTHERS_BODIES = {
    "os-migrateLive": {"host": None, "block_migration": "auto"},
    "evacuate": {},
}
"""What the newest version takes instead."""

ADMINS = {
    "external_events", "decisions", "console_tokens", "migrations", "hypervisors", "services",
    "hosts", "aggregates", "audit_log", "baremetal_nodes", "assisted_volume_snapshots",
}  # fmt: skip
"""Resources that are administrators' alone."""
ADMINS_READS = {
    "availability_zones.detail", "flavors.access", "quotas.show_class",
    "server_inspection.diagnostics", "tenant_usage.index",
}  # fmt: skip
ADMINS_ACTIONS = {
    "os-resetState", "injectNetworkInfo", "evacuate", "migrate", "os-migrateLive",
}  # fmt: skip
PROXIES = ("2.1", "2.35")
PROXY_RESOURCES = {"images", "image_metadata", "security_groups", "floating_ips", "networks",
                   "volumes", "snapshots", "baremetal_nodes"}  # fmt: skip
REFUSED = {f"baremetal_nodes.{name}" for name in ("create", "delete", "action")}
"""What is refused whoever asks."""
BETWEEN = {
    "services.force_down": ("2.11", "2.52"),
    "console_tokens.show": ("2.31", "2.104"),
    "aggregates.images": ("2.81", "2.104"),
    **{
        f"{one.resource}.{one.action}": PROXIES for one in ROUTES if one.resource in PROXY_RESOURCES
    },
}
"""Versions of what is neither in the first nor in the newest."""
ASKING = {"os-getConsoleOutput", "shelve"}
"""Actions that wait for a host or the image service, neither of which is there."""
OWN = {
    "servers.create", "keypairs.create", "server_groups.create", "security_groups.create",
    "security_groups.create_rule", "floating_ips.create", "volumes.create", "snapshots.create",
}  # fmt: skip
"""What a stranger may do: it makes something of the stranger's own."""
OF_PROJECT = {"quotas.show", "quotas.detail", "tenant_usage.show"}
"""Named by the project: who asks for another's is told that this is forbidden."""


def _actions() -> list[str]:
    found = {notes.action for _, _, notes in methods_of(ServersController)}
    for module in pkgutil.iter_modules(server_actions.__path__):
        loaded = importlib.import_module(f"{server_actions.__name__}.{module.name}")
        for name, kind in vars(loaded).items():
            if name.endswith("Controller"):
                found |= {notes.action for _, _, notes in methods_of(kind)}
    return sorted(action for action in found if action)


GONE = {"resetNetwork", "os-getRDPConsole"}
"""Actions that Nova has removed: whoever asks is refused."""
ACTIONS = [one for one in _actions() if one not in GONE]
TABLE = list({(one.method, one.path): one for one in ROUTES}.values())


def name_of(route: Route) -> str:
    return f"{route.resource}.{route.action}"


def label(route: Route) -> str:
    return f"{route.method} {route.path}"


def is_of_server(route: Route) -> bool:
    return route.path.startswith(("/servers/{id}", "/servers/{server_id}"))


def is_admins(route: Route) -> bool:
    return (
        route.resource in ADMINS
        or name_of(route) in ADMINS_READS
        or (route.method != "GET" and route.resource.startswith(("flavor", "quota")))
    )


def body_of(route: Route, version: str) -> Any:
    body = BODIES.get(name_of(route))
    if name_of(route) == "server_groups.create" and version != "2.1":
        return {"server_group": {"name": "theirs", "policy": "affinity"}}
    takes_any = route.method in {"POST", "PUT"} and name_of(route) != "tags.update"
    return {} if body is None and takes_any else body


PLAIN = [
    one for one in TABLE
    if one.resource not in {"removed", "volumes_boot"}
    and name_of(one) not in {"servers.action", *REFUSED}
]  # fmt: skip
"""What is asked as itself: `volumes_boot` is `servers` under another name."""
