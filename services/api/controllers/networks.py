"""/os-networks and /os-tenant-networks, up to 2.35: passed on to network.

What only nova-network knew of a network is null, as in Nova since that is gone.
"""

from __future__ import annotations

from devstack_lite.clients.network_proxy import NetworkProxy
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import authorize

UNTIL = "2.35"
_FIELDS = (
    "broadcast", "cidr", "cidr_v6", "dns1", "dns2", "gateway", "gateway_v6", "netmask",
    "netmask_v6",
)  # fmt: skip
_ADMINS_FIELDS = (
    "bridge", "bridge_interface", "created_at", "deleted", "deleted_at", "dhcp_server",
    "dhcp_start", "enable_dhcp", "host", "injected", "mtu", "multi_host", "priority",
    "project_id", "rxtx_base",
    "share_address", "updated_at", "vlan", "vpn_private_address", "vpn_public_address",
    "vpn_public_port",
)  # fmt: skip


class NetworksController:
    """Networks by id and name, both for administrators and members, in two forms."""

    def __init__(self, network: NetworkProxy) -> None:
        self._network = network

    @api(until=UNTIL)
    def index(self, req: Request) -> Json:
        """List the networks that the caller sees."""
        authorize(req.context, "os_compute_api:os-networks:list")
        return {"networks": [_view(req, one) for one in self._list(req)]}

    @api(until=UNTIL)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one."""
        authorize(req.context, "os_compute_api:os-networks:show")
        return {"network": _view(req, self._get(req, id))}

    @api(until=UNTIL)
    def index_of_project(self, req: Request) -> Json:
        """List the networks that the caller sees, as members were shown them."""
        authorize(req.context, "os_compute_api:os-tenant-networks:list")
        return {"networks": [_short_view(one) for one in self._list(req)]}

    @api(until=UNTIL)
    def show_of_project(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show one as members were shown it."""
        authorize(req.context, "os_compute_api:os-tenant-networks:show")
        return {"network": _short_view(self._get(req, id))}

    def _list(self, req: Request) -> list[Json]:
        return self._network.list_all(req.context, "networks")

    def _get(self, req: Request, network_id: str) -> Json:
        found = [one for one in self._list(req) if one["id"] == network_id]
        if not found:
            raise NotFound("Network not found", kind="network")
        return found[0]


def _view(req: Request, one: Json) -> Json:
    fields = _FIELDS + (_ADMINS_FIELDS if req.context.is_admin else ())
    return {**dict.fromkeys(fields), "id": one["id"], "label": one["name"]}


def _short_view(one: Json) -> Json:
    return {"id": one["id"], "cidr": "None", "label": one["name"]}
