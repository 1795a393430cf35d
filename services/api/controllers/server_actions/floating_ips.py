"""addFloatingIp, removeFloatingIp, up to 2.43: which server a floating IP leads to, in network."""

from __future__ import annotations

from devstack_lite.db import ports
from devstack_lite.db.ports import PortFilter
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking
from services.api.floating_addresses import COLLECTION, FloatingAddresses
from services.api.schemas import network_proxies as schemas

RULE = "os_compute_api:os-floating-ips"
UNTIL = "2.43"


class FloatingIpsController:
    """Servers' floating IPs."""

    def __init__(self, asking: Asking, addresses: FloatingAddresses) -> None:
        self._asking = asking
        self._addresses = addresses

    @api(status=202, action="addFloatingIp", body=schemas.ADD_FLOATING_IP, until=UNTIL)
    def add(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's name
        """Have a floating IP lead to a server: to the first of its IPv4 addresses, or to one."""
        seen = self._asking.get(req, id, f"{RULE}:add")
        asked = body["addFloatingIp"]
        port_id, fixed = self._port(seen.uuid, asked["address"], asked.get("fixed_address"))
        try:
            found = self._addresses.at(req, asked["address"])
        except NotFound as error:
            raise NotFound("floating IP not found", kind="floating_ip") from error
        try:
            self._addresses.network.update(
                req.context, COLLECTION, found["id"],
                {"port_id": port_id, "fixed_ip_address": fixed},
            )  # fmt: skip
        except (Conflict, NotFound, Invalid) as error:
            raise Invalid(
                f"Unable to associate floating IP {asked['address']} to fixed IP {fixed} for"
                f" instance {seen.uuid}. Error: {error.message}"
            ) from error

    @api(status=202, action="removeFloatingIp", body=schemas.REMOVE_FLOATING_IP, until=UNTIL)
    def remove(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Have a floating IP lead nowhere."""
        seen = self._asking.get(req, id, f"{RULE}:remove")
        address = body["removeFloatingIp"]["address"]
        found = self._addresses.at(req, address)
        if self._addresses.server_of(found) != seen.uuid:
            raise Conflict(f"Floating IP {address} is not associated with instance {seen.uuid}.")
        self._addresses.network.update(req.context, COLLECTION, found["id"], {"port_id": None})

    def _port(self, uuid: str, address: str, wanted: str | None) -> tuple[str, str]:
        """Return a server's port and address that a floating IP may lead to. Raises Invalid."""
        held = [
            (port.id, fixed["ip_address"])
            for port in ports.list_ports(
                self._asking.db, PortFilter(columns=(("device_id", (uuid,)),))
            )
            for fixed in port.fixed_ips or ()
        ]
        if not held:
            raise Invalid("No fixed IPs associated to instance")
        if wanted:
            found = [one for one in held if one[1] == wanted]
            if not found:
                raise Invalid("Specified fixed address not assigned to instance")
            return found[0]
        fit = [one for one in held if ":" not in one[1]]
        if not fit:
            raise Invalid(
                f"Unable to associate floating IP {address} to any fixed IPs for instance {uuid}."
                " Instance has no fixed IPv4 addresses to associate."
            )
        return fit[0]
