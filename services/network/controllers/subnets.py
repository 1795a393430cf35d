"""/v2.0/subnets."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any

from devstack_lite.db import networks as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.network import Subnet
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.networks import NetworksAPI
from services.network import schemas, views
from services.network.access import is_true, owner_of, require_owner, view_of
from services.network.listing import fields_of, listed

Json = dict[str, Any]

_CHANGEABLE = ("name", "description", "gateway_ip", "dns_nameservers", "host_routes",
               "allocation_pools")  # fmt: skip


class SubnetsController:
    """Subnets of the networks that a project may see."""

    def __init__(self, db: Database, conductor: NetworksAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List subnets."""
        found = rows.list_subnets(self._db, project_id=view_of(req.context))
        return listed(req, "subnets", [views.subnet(one) for one in found])

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one subnet."""
        return {"subnet": fields_of(req, views.subnet(self._get(req, id)))}

    def _get(self, req: Request, subnet_id: str) -> Subnet:
        for one in rows.list_subnets(self._db, project_id=view_of(req.context)):
            if one.id == subnet_id:
                return one
        raise NotFound(f"Subnet {subnet_id} could not be found.", kind="subnet")

    @api(
        status=201,
        body=schemas.one_or_many("subnet", schemas.SUBNET, "network_id", "cidr", "ip_version"),
    )
    def create(self, req: Request, body: Json) -> Json:
        """Make one subnet or many."""
        many = body.get("subnets")
        made = []
        for one in many or [body["subnet"]]:
            network = rows.get_network(self._db, one["network_id"], project_id=view_of(req.context))
            require_owner(req.context, network.project_id, "create_subnet")
            wanted = subnet_of(one, owner_of(req.context, one))
            made.append(views.subnet(self._conductor.create_subnet(req.context, subnet=wanted)))
        return {"subnets": made} if many else {"subnet": made[0]}

    @api(body=schemas.one("subnet", schemas.SUBNET))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a subnet."""
        found = self._get(req, id)
        require_owner(req.context, found.project_id, "update_subnet")
        wanted = body["subnet"]
        values = {key: wanted[key] for key in _CHANGEABLE if key in wanted}
        if "enable_dhcp" in wanted:
            values["enable_dhcp"] = is_true(wanted["enable_dhcp"])
        changed = self._conductor.update_subnet(req.context, subnet_id=id, values=values)
        return {"subnet": views.subnet(changed)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a subnet."""
        found = self._get(req, id)
        require_owner(req.context, found.project_id, "delete_subnet")
        self._conductor.delete_subnet(req.context, subnet_id=id)


def subnet_of(wanted: Json, project_id: str) -> Subnet:
    """Return the subnet that a body asks for, gateway and pools filled in. Raises Invalid."""
    cidr, version = str(wanted["cidr"]), int(wanted["ip_version"])
    try:
        block = ipaddress.ip_network(cidr)
    except ValueError as error:
        raise Invalid(f"Invalid input for cidr. Reason: {error}.", kind="invalidInput") from error
    if block.version != version:
        raise Invalid(
            f"Invalid input for operation: ip_version '{version}' does not match the ip_version of"
            f" cidr '{cidr}'.",
            kind="invalidInput",
        )
    is_tiny = block.num_addresses <= 2
    gateway = str(block.network_address + 1) if not is_tiny else None
    if "gateway_ip" in wanted:
        gateway = wanted["gateway_ip"]
    pools = wanted.get("allocation_pools") or default_pools(block, gateway)
    for pool in pools:
        start, end = ipaddress.ip_address(pool["start"]), ipaddress.ip_address(pool["end"])
        if start not in block or end not in block or int(start) > int(end):
            raise Invalid(
                f"The allocation pool {pool['start']}-{pool['end']} is not valid for {cidr}.",
                kind="invalidAllocationPool",
            )
    return Subnet(
        id=str(uuid.uuid4()),
        network_id=wanted["network_id"],
        project_id=project_id,
        name=wanted.get("name", ""),
        description=wanted.get("description", ""),
        cidr=cidr,
        ip_version=version,
        gateway_ip=gateway,
        allocation_pools=tuple(pools),
        dns_nameservers=tuple(wanted.get("dns_nameservers", ())),
        host_routes=tuple(wanted.get("host_routes", ())),
        enable_dhcp=is_true(wanted.get("enable_dhcp", True)),
    )


def default_pools(
    block: ipaddress.IPv4Network | ipaddress.IPv6Network, gateway: str | None
) -> list[dict[str, str]]:
    """Return every host address of a block but its gateway's, as ranges."""
    first, last = int(block.network_address), int(block.broadcast_address)
    if block.num_addresses > 2:
        first += 1
        last -= 1 if block.version == 4 else 0
    inside = gateway is not None and first <= int(ipaddress.ip_address(gateway)) <= last
    cuts = [(first, last)]
    if inside and gateway is not None:
        at = int(ipaddress.ip_address(gateway))
        cuts = [(first, at - 1), (at + 1, last)]
    kind = type(block.network_address)
    return [
        {"start": str(kind(start)), "end": str(kind(end))} for start, end in cuts if start <= end
    ]
