"""Floating IPs as the compute API has them: by address, with a pool and a server."""

from __future__ import annotations

from devstack_lite.clients.network_proxy import NetworkProxy
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request

COLLECTION = "floatingips"


class FloatingAddresses:
    """Finds in network what the compute API speaks of."""

    def __init__(self, network: NetworkProxy) -> None:
        self.network = network

    def pools(self, req: Request) -> list[Json]:
        """Return the networks that addresses can be had of."""
        return self.network.list_all(req.context, "networks", **{"router:external": "True"})

    def of_project(self, req: Request, **query: str) -> list[Json]:
        """Return the floating IPs of the caller's project, by address or others when asked."""
        own = str(req.context.project_id)
        return self.network.list_all(req.context, COLLECTION, project_id=own, **query)

    def at(self, req: Request, address: str) -> Json:
        """Return the floating IP with an address. Raises NotFound, Conflict."""
        found = self.network.list_all(req.context, COLLECTION, floating_ip_address=address)
        if not found:
            raise NotFound(f"Floating IP not found for address {address}.", kind="floating_ip")
        if len(found) > 1:
            raise Conflict(f"Multiple floating IPs are found for address {address}.")
        return found[0]

    def server_of(self, floating_ip: Json) -> str | None:
        """Return the id of the server that a floating IP leads to, if it leads to any."""
        device_id = (floating_ip["port_details"] or {}).get("device_id")
        return str(device_id) if device_id else None
