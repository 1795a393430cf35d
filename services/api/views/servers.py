"""Servers as the API shows them."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass

from devstack_lite import clock, states
from devstack_lite.db.server_network import ServerNetwork
from devstack_lite.db.volume_reads import AttachedVolume
from devstack_lite.objects.compute import Fault, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.policy import allows
from services.api.views import image_properties
from services.api.views.links import bookmark, thing_links

_NO_NETWORK = ServerNetwork()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands in other tables than the instance's own."""

    fault: Fault | None = None
    volumes: tuple[AttachedVolume, ...] = ()
    tags: tuple[str, ...] = ()
    host_status: str | None = None
    """UP, DOWN, MAINTENANCE or UNKNOWN; empty without a host; None is not shown."""
    group_ids: tuple[str, ...] | None = None
    """Only when one server is shown."""
    network: ServerNetwork = _NO_NETWORK


NOTHING = Beside()


def host_id(project_id: str, host: str | None) -> str:
    """Return the host's name for members: the same for one project, telling nothing else."""
    if not host:
        return ""
    return hashlib.sha224((project_id + host).encode()).hexdigest()


def addresses(instance: Instance, network: ServerNetwork = _NO_NETWORK) -> Json:
    """Return the addresses by network name, behind each fixed one those that stand for it."""
    shown: Json = {}
    for port in instance.network_info:
        entries = shown.setdefault(port["network_name"], [])
        for ip in port["ips"]:
            floating = network.floating.get((port["port_id"], ip["address"]), ())
            entries.append(_address(ip["version"], ip["address"], "fixed", port["mac"]))
            entries += [_address(4, address, "floating", port["mac"]) for address in floating]
    return shown


def _address(version: int, address: str, kind: str, mac: str) -> Json:
    return {
        "version": version,
        "addr": address,
        "OS-EXT-IPS:type": kind,
        "OS-EXT-IPS-MAC:mac_addr": mac,
    }


def _short(address: str | None) -> str:
    """Return an address as it is written shortest, which is how Nova shows it."""
    return str(ipaddress.ip_address(address)) if address else ""


def brief(req: Request, uuid: str, name: str) -> Json:
    """Return a server in a short list."""
    return {"id": uuid, "name": name, "links": thing_links(req, "servers", uuid)}


def full(req: Request, instance: Instance, beside: Beside = NOTHING) -> Json:
    """Return a server with everything that the request's microversion says of it."""
    status = states.server_status(instance.vm_state, instance.task_state)
    shown: Json = {
        "id": instance.uuid,
        "name": instance.name,
        "status": status,
        "tenant_id": instance.project_id,
        "user_id": instance.user_id,
        "metadata": dict(instance.metadata),
        "hostId": host_id(instance.project_id, instance.host),
        "image": _image(req, instance),
        "flavor": _flavor(req, instance),
        "created": clock.to_zulu(instance.created_at),
        "updated": clock.to_zulu(instance.updated_at or instance.created_at),
        "addresses": addresses(instance, beside.network),
        "accessIPv4": instance.access_ip_v4 or "",
        "accessIPv6": _short(instance.access_ip_v6),
        "links": thing_links(req, "servers", instance.uuid),
        "OS-DCF:diskConfig": disk_config(instance),
        "OS-EXT-AZ:availability_zone": instance.availability_zone or "",
        "config_drive": "True" if instance.config_drive else "",
        "key_name": instance.key_name,
        "OS-SRV-USG:launched_at": clock.to_micro(instance.launched_at),
        "OS-SRV-USG:terminated_at": clock.to_micro(instance.terminated_at),
        "OS-EXT-STS:task_state": instance.task_state,
        "OS-EXT-STS:vm_state": instance.vm_state,
        "OS-EXT-STS:power_state": int(instance.power_state),
        "os-extended-volumes:volumes_attached": _volumes(req, beside.volumes),
    }
    if status in {"ACTIVE", "BUILD", "REBOOT", "HARD_REBOOT"}:
        shown["progress"] = 100 if status == "ACTIVE" else instance.progress
    names = beside.network.group_names.get(instance.uuid, ())
    if instance.network_info and names:
        shown["security_groups"] = [{"name": name} for name in names]
    if _shows_attributes(req):
        shown["OS-EXT-SRV-ATTR:host"] = instance.host
        shown["OS-EXT-SRV-ATTR:hypervisor_hostname"] = instance.node
        shown["OS-EXT-SRV-ATTR:instance_name"] = f"instance-{instance.uuid[:8]}"
    if beside.fault is not None and status in {"ERROR", "DELETED"}:
        shown["fault"] = _fault(req, beside.fault)
    shown |= _since_then(req, instance, beside)
    return shown


def _shows_attributes(req: Request) -> bool:
    return allows(req.context, "os_compute_api:os-extended-server-attributes")


_NOT_WHEN_CHANGED = (
    "OS-EXT-AZ:", "OS-EXT-SRV-ATTR:", "OS-EXT-STS:", "OS-SRV-USG:", "config_drive", "host_status",
    "key_name", "os-extended-volumes:", "security_groups",
)  # fmt: skip


def changed(req: Request, shown: Json, *, also: tuple[str, ...] = ()) -> Json:
    """Return a server as the answer to an update or a rebuild shows it: in full only from 2.75 on.

    also: what is shown nevertheless.
    """
    if req.since(2, 75):
        return shown
    kept = {
        key: value
        for key, value in shown.items()
        if key in also or not key.startswith(_NOT_WHEN_CHANGED)
    }
    kept["addresses"] = {
        name: [{"version": one["version"], "addr": one["addr"]} for one in entries]
        for name, entries in shown["addresses"].items()
    }
    return kept


def disk_config(instance: Instance) -> str:
    """Return what OS-DCF:diskConfig is."""
    return "AUTO" if instance.auto_disk_config else "MANUAL"


def _since_then(req: Request, instance: Instance, beside: Beside) -> Json:
    """Return what microversions after 2.1 added, as far as the caller may see it."""
    shown: Json = {}
    if req.since(2, 3) and _shows_attributes(req):
        shown |= {
            "OS-EXT-SRV-ATTR:reservation_id": instance.reservation_id,
            "OS-EXT-SRV-ATTR:launch_index": instance.launch_index,
            "OS-EXT-SRV-ATTR:hostname": instance.hostname,
            "OS-EXT-SRV-ATTR:kernel_id": "",
            "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
            "OS-EXT-SRV-ATTR:user_data": instance.user_data,
        }
    if req.since(2, 9):
        shown["locked"] = instance.is_locked
    if beside.host_status is not None:
        shown["host_status"] = beside.host_status
    if req.since(2, 19):
        shown["description"] = instance.description
    if req.since(2, 26):
        shown["tags"] = list(beside.tags)
    if req.since(2, 63):
        shown["trusted_image_certificates"] = None
    if req.since(2, 71) and beside.group_ids is not None:
        shown["server_groups"] = list(beside.group_ids)
    if req.since(2, 73):
        shown["locked_reason"] = instance.locked_reason
    if req.since(2, 90):
        shown["OS-EXT-SRV-ATTR:hostname"] = instance.hostname
    if req.since(2, 96):
        shown["pinned_availability_zone"] = instance.requested_zone
    if req.since(2, 100):
        shown["scheduler_hints"] = _hints(instance)
    return shown


def _flavor(req: Request, instance: Instance) -> Json:
    flavor = instance.flavor
    if not req.since(2, 47):
        return {"id": flavor.id, "links": bookmark(req, "flavors", flavor.id)}
    shown: Json = {
        "vcpus": flavor.vcpus,
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "ephemeral": flavor.ephemeral_gb,
        "swap": flavor.swap_mb,
        "original_name": flavor.name,
    }
    if allows(req.context, "os_compute_api:servers:show:flavor-extra-specs"):
        shown["extra_specs"] = dict(flavor.extra_specs)
    return shown


def _volumes(req: Request, volumes: tuple[AttachedVolume, ...]) -> list[Json]:
    if not req.since(2, 3):
        return [{"id": volume.volume_id} for volume in volumes]
    return [
        {"id": volume.volume_id, "delete_on_termination": volume.delete_on_termination}
        for volume in volumes
    ]


def _image(req: Request, instance: Instance) -> Json | str:
    if not instance.image_ref:
        return ""
    shown: Json = {
        "id": instance.image_ref,
        "links": bookmark(req, "images", instance.image_ref),
    }
    if req.since(2, 98):
        properties = instance.boot_request.get("image_properties") or {}
        shown["properties"] = image_properties.shown(properties)
    return shown


def _hints(instance: Instance) -> Json:
    """Return the hints that a server was booted with, each with a list of what was said."""
    return {
        name: value if isinstance(value, list) else [value]
        for name, value in (instance.boot_request.get("scheduler_hints") or {}).items()
    }


def _fault(req: Request, fault: Fault) -> Json:
    shown: Json = {
        "code": fault.code,
        "created": clock.to_zulu(fault.created_at),
        "message": fault.message,
    }
    if fault.details and req.context.is_admin:
        shown["details"] = fault.details
    return shown
