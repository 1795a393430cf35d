"""/v2.0/subnets."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import networks as rows
from devstack_lite.db import subnet_pools
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict, Invalid
from devstack_lite.objects.network import Subnet
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.networks import NetworksAPI
from services.network import pool_blocks, schemas, subnet_blocks, views
from services.network.access import is_true, owner_of, require_owner, view_of
from services.network.listing import fields_of, listed
from services.network.tagging import with_tags

Json = dict[str, Any]

POOL_ATTEMPTS = 10
"""How often another block of a pool is looked for when somebody else has taken it meanwhile."""

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
        body=schemas.one_or_many("subnet", schemas.SUBNET, "network_id", "ip_version"),
    )
    def create(self, req: Request, body: Json) -> Json:
        """Make one subnet or many, all or none."""
        many = body.get("subnets")
        asked = many or [body["subnet"]]
        for one in asked:
            network = rows.get_network(self._db, one["network_id"], project_id=view_of(req.context))
            require_owner(req.context, network.project_id, "create_subnet")
        made = self._make(req, asked)
        shown = self._shown(made)
        return {"subnets": shown} if many else {"subnet": shown[0]}

    def _make(self, req: Request, asked: list[Json]) -> list[Subnet]:
        """Have subnets recorded; with other blocks when somebody was quicker at a pool."""
        for attempt in range(POOL_ATTEMPTS):
            wanted = self._with_blocks(req, asked)
            made = [subnet_of(one, owner_of(req.context, one)) for one in wanted]
            try:
                return self._conductor.create_subnets(req.context, subnets=made)
            except Conflict as error:
                is_chosen = any(not one.get("cidr") for one in asked)
                if (
                    error.kind != "SubnetAllocationError"
                    or not is_chosen
                    or (attempt == POOL_ATTEMPTS - 1)
                ):
                    raise
        raise AssertionError("the last attempt has raised")

    def _with_blocks(self, req: Request, asked: list[Json]) -> list[Json]:
        """Return bodies that all name a block: a free one of a pool, if they name that."""
        found: list[Json] = []
        for one in asked:
            pool_id = one.get("subnetpool_id")
            if not pool_id:
                if not one.get("cidr"):
                    raise Invalid(
                        "Bad subnets request: a subnetpool must be specified in the absence of a"
                        " cidr.", kind="BadRequest",
                    )  # fmt: skip
                found.append(one)
                continue
            pool = subnet_pools.get_pool(self._db, pool_id, project_id=view_of(req.context))
            if one.get("cidr"):
                block = subnet_blocks.block_of(one["cidr"], int(one["ip_version"]))
                pool_blocks.check_within(pool, block)
            else:
                taken = [*subnet_pools.taken_of(self._db, pool_id)]
                taken += [other["cidr"] for other in found if other.get("subnetpool_id") == pool_id]
                length = int(one.get("prefixlen") or pool.default_prefixlen)
                block = pool_blocks.free_block(pool, length, taken)
            found.append({**one, "cidr": str(block)})
        return found

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
        subnetpool_id=wanted.get("subnetpool_id"),
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
