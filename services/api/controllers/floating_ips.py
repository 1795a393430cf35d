"""/os-floating-ips and /os-floating-ip-pools, up to 2.35: passed on to network."""

from __future__ import annotations

import uuid

from devstack_lite.exceptions import Conflict, Forbidden, Invalid, NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.floating_addresses import COLLECTION, FloatingAddresses
from services.api.policy import authorize
from services.api.schemas import network_proxies as schemas

RULE = "os_compute_api:os-floating-ips"
UNTIL = "2.35"


class FloatingIpsController:
    """A project's floating IPs. A pool is an external network, by name or id."""

    def __init__(self, addresses: FloatingAddresses) -> None:
        self._addresses = addresses
        self._network = addresses.network

    @api(until=UNTIL)
    def pools(self, req: Request) -> Json:
        """List the pools."""
        authorize(req.context, "os_compute_api:os-floating-ip-pools")
        found = self._addresses.pools(req)
        return {"floating_ip_pools": [{"name": one["name"] or one["id"]} for one in found]}

    @api(until=UNTIL)
    def index(self, req: Request) -> Json:
        """List the project's."""
        authorize(req.context, f"{RULE}:list")
        names = self._names(req)
        found = self._addresses.of_project(req)
        return {"floating_ips": [self._view(one, names) for one in found]}

    @api(until=UNTIL)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        authorize(req.context, f"{RULE}:show")
        return {"floating_ip": self._view(self._get(req, id), self._names(req))}

    @api(until=UNTIL, body=schemas.FLOATING_IP)
    def create(self, req: Request, body: Json | None = None) -> Json:
        """Take an address of a pool; of the first one when none is named."""
        authorize(req.context, f"{RULE}:create")
        wanted = (body or {}).get("pool")
        pools = self._addresses.pools(req)
        found = [one for one in pools if not wanted or wanted in {one["id"], one["name"]}]
        if not found:
            raise NotFound("Floating IP pool not found.", kind="floating_ip_pool")
        pool = found[0]["name"] or found[0]["id"]
        try:
            made = self._network.create(
                req.context, COLLECTION, {"floating_network_id": found[0]["id"]}
            )
        except Conflict as error:
            if error.kind == "OverQuota":
                raise Forbidden(f"IP allocation over quota in pool {pool}.") from error
            raise NotFound(f"No more floating IPs in pool {pool}.", kind="floating_ip") from error
        return {"floating_ip": self._view(made, {found[0]["id"]: pool})}

    @api(until=UNTIL, status=202)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Give one back; the server that it leads to is without it."""
        authorize(req.context, f"{RULE}:delete")
        self._network.delete(req.context, COLLECTION, self._get(req, id)["id"])

    def _get(self, req: Request, floating_ip_id: str) -> Json:
        """Return one by id. Raises NotFound, Invalid for what is no id."""
        try:
            wanted = str(uuid.UUID(floating_ip_id))
        except ValueError as error:
            raise Invalid(f"Invalid ID received {floating_ip_id}.") from error
        try:
            return self._network.show(req.context, COLLECTION, wanted)
        except NotFound as error:
            text = f"Floating IP not found for ID {floating_ip_id}"
            raise NotFound(text, kind="floating_ip") from error

    def _names(self, req: Request) -> dict[str, str]:
        """Return the pools' names, by their network's id."""
        return {one["id"]: one["name"] or one["id"] for one in self._addresses.pools(req)}

    def _view(self, one: Json, names: dict[str, str]) -> Json:
        network_id = one["floating_network_id"]
        return {
            "id": one["id"],
            "ip": one["floating_ip_address"],
            "fixed_ip": one["fixed_ip_address"],
            "instance_id": self._addresses.server_of(one),
            "pool": names.get(network_id, network_id),
        }
