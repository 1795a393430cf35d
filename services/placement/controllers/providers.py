"""/resource_providers: each is a compute node, under the node's id."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import placements
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import ComputeNode
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from devstack_lite.wsgi.versions import ApiVersion
from services.placement.access import require_admin
from services.placement.query import Group, Known, groups_of, only
from services.placement.reading import Reading, reply
from services.placement.resources import inventories_of, resources_of, usages_of

Json = dict[str, Any]

_RULE = "resource_providers"

_PARAMETERS = {
    "name": ApiVersion(1, 0), "uuid": ApiVersion(1, 0), "member_of": ApiVersion(1, 3),
    "resources": ApiVersion(1, 4), "in_tree": ApiVersion(1, 14), "required": ApiVersion(1, 18),
}  # fmt: skip
_LINKS = (
    ("inventories", ApiVersion(1, 0)), ("usages", ApiVersion(1, 0)),
    ("aggregates", ApiVersion(1, 1)), ("traits", ApiVersion(1, 6)),
    ("allocations", ApiVersion(1, 11)),
)  # fmt: skip
_TREES = ApiVersion(1, 14)
_AGGREGATE_GENERATION = ApiVersion(1, 19)
_CONSUMER_GENERATION = ApiVersion(1, 28)


class ProvidersController:
    """Read only: nodes come by their hosts' reports, and go with them."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def index(self, req: Request) -> Reply:
        """List providers, all or those that have what is asked for."""
        require_admin(req, f"{_RULE}:list")
        only(req.GET, _PARAMETERS, req.api_version)
        nodes, aggregates = self._reading.nodes(), self._reading.aggregates()
        # Here a tree is asked for since 1.14, in a candidate's group only since 1.31.
        pairs = [(key, value) for key, value in req.GET.items() if key != "in_tree"]
        group = groups_of(pairs, req.api_version, Known.of(nodes)).get("", Group())
        group.in_tree = req.GET.get("in_tree")
        name, uuid = req.GET.get("name"), req.GET.get("uuid")
        shown = [
            _view(node, req.api_version)
            for node in nodes
            if name in {None, node.hypervisor_hostname}
            and uuid in {None, node.id}
            and group.fits(node, aggregates[node.host])
            and group.has_room(node)
        ]
        return reply(req, {"resource_providers": shown})

    def show(self, req: Request, uuid: str) -> Reply:
        """Show a provider."""
        require_admin(req, f"{_RULE}:show")
        return reply(req, _view(self._reading.node(uuid), req.api_version))

    def inventories(self, req: Request, uuid: str) -> Reply:
        """Show what a provider has."""
        require_admin(req, f"{_RULE}:inventories:list")
        node = self._reading.node(uuid)
        return reply(req, {"inventories": inventories_of(node), **_generation(node)})

    def inventory(self, req: Request, uuid: str, name: str) -> Reply:
        """Show what a provider has of one class."""
        require_admin(req, f"{_RULE}:inventories:show")
        node = self._reading.node(uuid)
        found = inventories_of(node).get(name)
        if found is None:
            raise NotFound(f"No inventory of class {name} for {uuid}")
        return reply(req, {**found, **_generation(node)})

    def usages(self, req: Request, uuid: str) -> Reply:
        """Show how much of what a provider has is claimed."""
        require_admin(req, f"{_RULE}:usages")
        node = self._reading.node(uuid)
        return reply(req, {"usages": usages_of(node), **_generation(node)})

    @api(since="1.1")
    def aggregates(self, req: Request, uuid: str) -> Reply:
        """Show which aggregates a provider's host is in."""
        require_admin(req, f"{_RULE}:aggregates:list")
        node = self._reading.node(uuid)
        body: Json = {"aggregates": self._reading.aggregates()[node.host]}
        if req.api_version >= _AGGREGATE_GENERATION:
            body |= _generation(node)
        return reply(req, body)

    @api(since="1.6")
    def traits(self, req: Request, uuid: str) -> Reply:
        """Show which traits a provider has."""
        require_admin(req, f"{_RULE}:traits:list")
        node = self._reading.node(uuid)
        return reply(req, {"traits": list(node.traits), **_generation(node)})

    def allocations(self, req: Request, uuid: str) -> Reply:
        """Show who has claimed what of a provider."""
        require_admin(req, f"{_RULE}:allocations:list")
        node = self._reading.node(uuid)
        found = placements.list_allocations(self._reading.db, provider_id=uuid)
        shown: Json = {one.consumer_id: {"resources": resources_of(one)} for one in found}
        if req.api_version >= _CONSUMER_GENERATION:
            for one in found:
                shown[one.consumer_id]["consumer_generation"] = one.attempt
        return reply(req, {"allocations": shown, **_generation(node)})


def _generation(node: ComputeNode) -> Json:
    return {"resource_provider_generation": node.version}


def _view(node: ComputeNode, version: ApiVersion) -> Json:
    own = f"/resource_providers/{node.id}"
    links = [{"rel": "self", "href": own}]
    links += [{"rel": name, "href": f"{own}/{name}"} for name, since in _LINKS if version >= since]
    shown = {
        "uuid": node.id,
        "name": node.hypervisor_hostname,
        "generation": node.version,
        "links": links,
    }
    if version >= _TREES:
        shown |= {"root_provider_uuid": node.id, "parent_provider_uuid": None}
    return shown
