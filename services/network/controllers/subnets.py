"""/v2.0/subnets."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import networks as rows
from devstack_lite.db.engine import Database
from devstack_lite.objects.network import Subnet
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.networks import NetworksAPI
from services.network import schemas, subnet_blocks, views
from services.network.access import is_true, owner_of, require_owner, view_of
from services.network.listing import fields_of, listed
from services.network.tagging import with_tags

Json = dict[str, Any]

_CHANGEABLE = ("name", "description", "dns_nameservers", "host_routes")


class SubnetsController:
    """Subnets of the networks that a project may see."""

    def __init__(self, db: Database, conductor: NetworksAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List subnets."""
        found = rows.list_subnets(self._db, project_id=view_of(req.context))
        return listed(req, "subnets", self._shown(found))

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one subnet."""
        found = rows.get_subnet(self._db, id, project_id=view_of(req.context))
        return {"subnet": fields_of(req, self._shown([found])[0])}

    @api(
        status=201,
        body=schemas.one_or_many("subnet", schemas.SUBNET, "network_id", "cidr", "ip_version"),
    )
    def create(self, req: Request, body: Json) -> Json:
        """Make one subnet or many, all or none."""
        many = body.get("subnets")
        wanted = []
        for one in many or [body["subnet"]]:
            network = rows.get_network(self._db, one["network_id"], project_id=view_of(req.context))
            require_owner(req.context, network.project_id, "create_subnet")
            wanted.append(subnet_of(one, owner_of(req.context, one)))
        made = self._conductor.create_subnets(req.context, subnets=wanted)
        shown = self._shown(made)
        return {"subnets": shown} if many else {"subnet": shown[0]}

    @api(body=schemas.one("subnet", schemas.SUBNET_CHANGE))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a subnet."""
        found = rows.get_subnet(self._db, id, project_id=view_of(req.context))
        require_owner(req.context, found.project_id, "update_subnet")
        wanted = body["subnet"]
        values = {key: wanted[key] for key in _CHANGEABLE if key in wanted}
        if "enable_dhcp" in wanted:
            values["enable_dhcp"] = is_true(wanted["enable_dhcp"])
        block = subnet_blocks.block_of(found.cidr, found.ip_version)
        subnet_blocks.check_routes(block, wanted.get("host_routes", ()))
        if {"gateway_ip", "allocation_pools"} & wanted.keys():
            gateway = subnet_blocks.check_gateway(block, wanted.get("gateway_ip", found.gateway_ip))
            pools = wanted.get("allocation_pools", found.allocation_pools)
            values["gateway_ip"] = gateway
            values["allocation_pools"] = subnet_blocks.check_pools(block, gateway, pools)
        changed = self._conductor.update_subnet(req.context, subnet_id=id, values=values)
        return {"subnet": self._shown([changed])[0]}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a subnet."""
        found = rows.get_subnet(self._db, id, project_id=view_of(req.context))
        require_owner(req.context, found.project_id, "delete_subnet")
        self._conductor.delete_subnet(req.context, subnet_id=id)

    def _shown(self, found: list[Subnet]) -> list[Json]:
        external = rows.external_network_ids(self._db)
        shown = [views.subnet(one, external=one.network_id in external) for one in found]
        return with_tags(self._db, shown)


def subnet_of(wanted: Json, project_id: str) -> Subnet:
    """Return the subnet that a body asks for, gateway and pools filled in.

    Raises Invalid, and Conflict for pools that collide with each other or the gateway.
    """
    block = subnet_blocks.block_of(wanted["cidr"], int(wanted["ip_version"]))
    default = subnet_blocks.default_gateway(block)
    gateway = subnet_blocks.check_gateway(block, wanted.get("gateway_ip", default))
    subnet_blocks.check_routes(block, wanted.get("host_routes", ()))
    if wanted.get("allocation_pools"):
        pools = subnet_blocks.check_pools(block, gateway, wanted["allocation_pools"])
    else:
        pools = subnet_blocks.default_pools(block, gateway)
    return Subnet(
        id=str(uuid.uuid4()),
        network_id=wanted["network_id"],
        project_id=project_id,
        name=wanted.get("name", ""),
        description=wanted.get("description", ""),
        cidr=str(block),
        ip_version=block.version,
        gateway_ip=gateway,
        allocation_pools=tuple(pools),
        dns_nameservers=tuple(wanted.get("dns_nameservers", ())),
        host_routes=tuple(wanted.get("host_routes", ())),
        enable_dhcp=is_true(wanted.get("enable_dhcp", True)),
    )
