"""addFixedIp, removeFixedIp, up to 2.43: the addresses of a server's ports, in network."""

from __future__ import annotations

from devstack_lite.clients.network_proxy import NetworkProxy
from devstack_lite.db import ports
from devstack_lite.db.ports import PortFilter
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.network import Port
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking
from services.api.schemas import network_proxies as schemas

RULE = "os_compute_api:os-multinic"
UNTIL = "2.43"


class FixedIpsController:
    """Servers' fixed IPs. Nova does this after its answer; here the answer says what came of it."""

    def __init__(self, asking: Asking, network: NetworkProxy) -> None:
        self._asking = asking
        self._network = network

    @api(status=202, action="addFixedIp", body=schemas.ADD_FIXED_IP, until=UNTIL)
    def add(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's name
        """Give a server's port on a network one more address, of the first subnet with room."""
        seen = self._asking.get_unlocked(req, id, f"{RULE}:add")
        network_id = str(body["addFixedIp"]["networkId"])
        held = self._ports(seen.uuid, network_id=network_id)
        subnets = self._network.list_all(req.context, "subnets", network_id=network_id)
        if not (held and subnets):
            raise NotFound(f"Network could not be found for instance {seen.uuid}.", kind="network")
        for subnet in subnets:
            wanted = [*(held[0].fixed_ips or ()), {"subnet_id": subnet["id"]}]
            try:
                self._network.update(req.context, "ports", held[0].id, {"fixed_ips": wanted})
            except (Conflict, Invalid):
                continue
            return
        raise Invalid(f"No fixed IP addresses available for network: {network_id}")

    @api(status=202, action="removeFixedIp", body=schemas.REMOVE_FIXED_IP, until=UNTIL)
    def remove(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Take an address from the port of a server that has it."""
        seen = self._asking.get_unlocked(req, id, f"{RULE}:remove")
        address = body["removeFixedIp"]["address"]
        for port in self._ports(seen.uuid):
            left = [one for one in port.fixed_ips or () if one["ip_address"] != address]
            if len(left) < len(port.fixed_ips or ()):
                self._network.update(req.context, "ports", port.id, {"fixed_ips": left})
                return
        raise Invalid(f"Instance {seen.uuid} does not have fixed IP {address}.")

    def _ports(self, uuid: str, **columns: str) -> list[Port]:
        wanted = {"device_id": uuid, **columns}
        return ports.list_ports(
            self._asking.db,
            PortFilter(columns=tuple((name, (value,)) for name, value in wanted.items())),
        )
