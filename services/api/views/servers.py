"""Servers as the API shows them."""

from __future__ import annotations

import hashlib

from devstack_lite import clock, states
from devstack_lite.objects.compute import Fault, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.views.links import bookmark, thing_links


def host_id(project_id: str, host: str | None) -> str:
    """Return the host's name for members: the same for one project, telling nothing else."""
    if not host:
        return ""
    return hashlib.sha224((project_id + host).encode()).hexdigest()


def addresses(instance: Instance) -> Json:
    """Return the addresses by network name."""
    shown: Json = {}
    for port in instance.network_info:
        entries = shown.setdefault(port["network_name"], [])
        for ip in port["ips"]:
            entries.append(
                {
                    "version": ip["version"],
                    "addr": ip["address"],
                    "OS-EXT-IPS:type": "fixed",
                    "OS-EXT-IPS-MAC:mac_addr": port["mac"],
                }
            )
    return shown


def brief(req: Request, instance: Instance) -> Json:
    """Return a server in a short list."""
    return {
        "id": instance.uuid,
        "name": instance.name,
        "links": thing_links(req, "servers", instance.uuid),
    }


def full(
    req: Request, instance: Instance, fault: Fault | None, volume_ids: tuple[str, ...] = ()
) -> Json:
    """Return a server with everything that v2.1 says of it."""
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
        "flavor": {
            "id": instance.flavor.id,
            "links": bookmark(req, "flavors", instance.flavor.id),
        },
        "created": clock.to_zulu(instance.created_at),
        "updated": clock.to_zulu(instance.updated_at or instance.created_at),
        "addresses": addresses(instance),
        "accessIPv4": instance.access_ip_v4 or "",
        "accessIPv6": instance.access_ip_v6 or "",
        "links": thing_links(req, "servers", instance.uuid),
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": instance.availability_zone or "",
        "config_drive": "True" if instance.config_drive else "",
        "key_name": instance.key_name,
        "OS-SRV-USG:launched_at": clock.to_micro(instance.launched_at),
        "OS-SRV-USG:terminated_at": clock.to_micro(instance.terminated_at),
        "OS-EXT-STS:task_state": instance.task_state,
        "OS-EXT-STS:vm_state": instance.vm_state,
        "OS-EXT-STS:power_state": int(instance.power_state),
        "os-extended-volumes:volumes_attached": [{"id": volume_id} for volume_id in volume_ids],
    }
    if status in {"ACTIVE", "BUILD", "REBOOT", "HARD_REBOOT"}:
        shown["progress"] = 100 if status == "ACTIVE" else instance.progress
    if instance.network_info:
        shown["security_groups"] = [{"name": "default"} for _ in instance.network_info]
    if req.context.is_admin:
        shown["OS-EXT-SRV-ATTR:host"] = instance.host
        shown["OS-EXT-SRV-ATTR:hypervisor_hostname"] = instance.node
        shown["OS-EXT-SRV-ATTR:instance_name"] = f"instance-{instance.uuid[:8]}"
    if fault is not None and status in {"ERROR", "DELETED"}:
        shown["fault"] = _fault(req, fault)
    return shown


def _image(req: Request, instance: Instance) -> Json | str:
    if not instance.image_ref:
        return ""
    return {"id": instance.image_ref, "links": bookmark(req, "images", instance.image_ref)}


def _fault(req: Request, fault: Fault) -> Json:
    shown: Json = {
        "code": fault.code,
        "created": clock.to_zulu(fault.created_at),
        "message": fault.message,
    }
    if fault.details and req.context.is_admin:
        shown["details"] = fault.details
    return shown
