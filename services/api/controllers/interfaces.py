"""/servers/{id}/os-interface."""

from __future__ import annotations

import dataclasses
import time
import uuid

from devstack_lite.db import boot_checks, device_changes, device_tags, instances, networks, ports
from devstack_lite.db.engine import Database
from devstack_lite.db.ports import PortFilter
from devstack_lite.exceptions import Conflict, Invalid, NotFound, Unavailable
from devstack_lite.objects.compute import Instance, NetworkRequest
from devstack_lite.objects.device import DeviceChange
from devstack_lite.objects.network import Port
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.asking import ask_host_for_change
from services.api.policy import authorize, visible_project
from services.api.schemas import interfaces as schemas
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.devices import DevicesAPI

RULE = "os_compute_api:os-attach-interfaces"

ATTACH_TIMEOUT_S = 60.0
"""What an attach may take before its client is told to look again; Nova's rpc_response_timeout."""

LOOK_S = 0.02


class InterfacesController:
    """A server's ports. An attach is answered when it is done, a detach when it is under way."""

    def __init__(self, db: Database, conductor: DevicesAPI, compute: ComputeAPI) -> None:
        self._db = db
        self._conductor = conductor
        self._compute = compute

    def index(self, req: Request, server_id: str) -> Json:
        """List a server's ports."""
        instance = self._get(req, server_id, f"{RULE}:list")
        held = PortFilter(columns=(("device_id", (instance.uuid,)),))
        found = ports.list_ports(self._db, held)
        tags = device_tags.list_tags(self._db, instance.uuid) if req.since(2, 70) else {}
        return {"interfaceAttachments": [_view(req, port, tags.get(port.id)) for port in found]}

    def show(self, req: Request, server_id: str, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        instance = self._get(req, server_id, f"{RULE}:show")
        return self._shown(req, instance, id)

    @api(body=schemas.create)
    def create(self, req: Request, server_id: str, body: Json) -> Json:
        """Attach a port, or one that is made on a network; answered when the guest has it."""
        instance = self._get(req, server_id, f"{RULE}:create")
        asked = body.get("interfaceAttachment", {})
        request = dataclasses.replace(self._wanted(req, instance, asked), tag=asked.get("tag"))
        change = self._conductor.begin_attach_interface(
            req.context, uuid=instance.uuid, change_id=str(uuid.uuid4()), request=request
        )
        ask_host_for_change(self._compute, req.context, instance, change)
        self._wait_for(change)
        seen = instances.get_instance(self._db, instance.uuid, project_id=instance.project_id)
        shown = {port["port_id"] for port in seen.network_info}
        if change.device_id not in shown:
            # Why, the instance's action says.
            raise HttpError(500, f"Failed to attach network adapter device to {instance.uuid}")
        return self._shown(req, instance, change.device_id)

    @api(status=202)
    def delete(self, req: Request, server_id: str, id: str) -> None:  # noqa: A002
        """Detach a port; one that was made for the server goes with it."""
        instance = self._get(req, server_id, f"{RULE}:delete")
        change = self._conductor.begin_detach_interface(
            req.context, uuid=instance.uuid, change_id=str(uuid.uuid4()), port_id=id
        )
        ask_host_for_change(self._compute, req.context, instance, change)

    def _get(self, req: Request, server_id: str, rule: str) -> Instance:
        """Return a server that the caller may do this to. Raises NotFound, Forbidden."""
        found = instances.get_instance(self._db, server_id, project_id=visible_project(req.context))
        authorize(req.context, rule, project_id=found.project_id)
        return found

    def _shown(self, req: Request, instance: Instance, port_id: str) -> Json:
        tag = device_tags.list_tags(self._db, instance.uuid).get(port_id)
        return {"interfaceAttachment": _view(req, self._port(instance, port_id), tag)}

    def _port(self, instance: Instance, port_id: str) -> Port:
        held = PortFilter(columns=(("device_id", (instance.uuid,)), ("id", (port_id,))))
        found = ports.list_ports(self._db, held)
        if not found:
            raise NotFound(
                f"Instance {instance.uuid} does not have a port with id {port_id}", kind="port"
            )
        return found[0]

    def _wait_for(self, change: DeviceChange) -> None:
        """Wait until whoever has a change in hand has ended it, after however many attempts."""
        deadline = time.monotonic() + ATTACH_TIMEOUT_S
        while device_changes.is_under_way(self._db, change.id):
            if time.monotonic() > deadline:
                raise Unavailable("The interface is still being attached: look again later.")
            time.sleep(LOOK_S)

    def _wanted(self, req: Request, instance: Instance, asked: Json) -> NetworkRequest:
        """Return the interface asked for, as far as it can be had. Raises what Nova answers."""
        network_id, port_id = asked.get("net_id"), asked.get("port_id")
        fixed = asked.get("fixed_ips")
        if network_id and port_id:
            raise Invalid("Must not input both network_id and port_id")
        if fixed and not network_id:
            raise Invalid("Must input network_id when request IP address")
        project_id = visible_project(req.context)
        if port_id:
            if ports.get_port(self._db, port_id, project_id=project_id).device_id:
                raise Conflict(f"Port {port_id} is still in use.", kind="port")
            return NetworkRequest(port_id=port_id)
        if network_id:
            networks.get_network(self._db, network_id, project_id=project_id)
        return self._on_network(
            req, instance, network_id, fixed[0]["ip_address"] if fixed else None
        )

    def _on_network(
        self, req: Request, instance: Instance, network_id: str | None, fixed_ip: str | None
    ) -> NetworkRequest:
        wanted = NetworkRequest(network_id=network_id, fixed_ip=fixed_ip)
        try:
            found = boot_checks.find_networks(
                self._db, req.context, (wanted,) if network_id else None
            )
        except Conflict as error:
            raise Invalid(
                "More than one possible network found. Specify network ID(s) to select which"
                " one(s) to connect to."
            ) from error
        except Invalid as error:
            if error.kind == boot_checks.ADDRESS:
                raise Conflict(error.message, kind="port") from error
            raise
        if not found:
            raise Invalid(
                "No specific network was requested and none are available for project"
                f" '{instance.project_id}'."
            )
        return found[0]


def _view(req: Request, port: Port, tag: str | None) -> Json:
    return {
        **({"tag": tag} if req.since(2, 70) else {}),
        "port_id": port.id,
        "net_id": port.network_id,
        "mac_addr": port.mac_address,
        "port_state": port.status,
        "fixed_ips": [
            {"ip_address": fixed["ip_address"], "subnet_id": fixed["subnet_id"]}
            for fixed in port.fixed_ips or ()
        ],
    }
