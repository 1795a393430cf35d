"""What the network service writes besides networks and ports: rows to start from, and messages."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import (
    floating_ips,
    network_quotas,
    network_tags,
    networks,
    ports,
    router_interfaces,
    routers,
    security_groups,
    subnet_pools,
)
from devstack_lite.db.engine import Database
from devstack_lite.objects.network import Network, Port, Subnet, SubnetPool
from devstack_lite.objects.routing import FloatingIp, Gateway, Router
from devstack_lite.objects.security import SecurityGroup, SecurityGroupRule
from devstack_lite.rpc.client import RpcClient
from services.conductor.rpcapi.floating_ips import FloatingIpsAPI
from services.conductor.rpcapi.network_quotas import NetworkQuotasAPI
from services.conductor.rpcapi.network_tags import NetworkTagsAPI
from services.conductor.rpcapi.routers import RoutersAPI
from services.conductor.rpcapi.security_groups import SecurityGroupsAPI
from services.conductor.rpcapi.subnet_pools import SubnetPoolsAPI

NETWORK_APIS: tuple[type[RpcClient], ...] = (
    FloatingIpsAPI, NetworkQuotasAPI, NetworkTagsAPI, RoutersAPI, SecurityGroupsAPI,
    SubnetPoolsAPI,
)  # fmt: skip

OUT = Gateway(network_id="external")


def _subnet(name: str, network_id: str, block: str) -> Subnet:
    return Subnet(
        id=name, network_id=network_id, project_id="project", name=name, cidr=f"{block}.0/24",
        ip_version=4, gateway_ip=f"{block}.1",
        allocation_pools=({"start": f"{block}.2", "end": f"{block}.99"},),
    )  # fmt: skip


def seed_routing(db: Database) -> None:
    """Join two subnets by a router with a way out."""
    networks.create_networks(
        db,
        [
            Network(id="external", name="external", project_id="project", external=True),
            Network(id="inner", name="inner", project_id="project"),
        ],
    )
    networks.create_subnets(
        db,
        [
            _subnet("external-subnet", "external", "10.20.0"),
            _subnet("joined-subnet", "inner", "10.21.0"),
            _subnet("parted-subnet", "inner", "10.22.0"),
        ],
    )
    for router_id, gateway in (("router", OUT), ("spare-router", None)):
        routers.create_router(
            db, Router(id=router_id, project_id="project", name=router_id, gateway=gateway)
        )
    router_interfaces.add_subnet(db, "router", "joined-subnet", port_id="router-port")
    subnet_pools.create_pool(db, _pool("pool", "10.40.0.0/16"))
    network_tags.set_tags(db, "network", ["one"])
    network_quotas.set_limits(db, "project", {"port": 50})
    for name in ("group", "spare-group"):
        security_groups.create_group(db, _group(name))
    security_groups.create_rules(db, [_rule("rule", "udp")])
    for name in ("floating", "spare-floating"):
        floating_ips.create_floating_ip(db, _floating(name))
    fixed = ({"subnet_id": "parted-subnet"},)
    ports.create_ports(
        db,
        [
            Port(id="inner-port", network_id="inner", project_id="project", fixed_ips=fixed),
            Port(
                id="server-port",
                network_id="inner",
                project_id="project",
                device_id="server",
                device_owner="compute:nova",
                security_groups=("group",),
            ),
            Port(
                id="joined-port",
                network_id="inner",
                project_id="project",
                fixed_ips=({"subnet_id": "joined-subnet"},),
            ),
        ],
    )


def _pool(name: str, prefix: str) -> SubnetPool:
    return SubnetPool(
        id=name, project_id="project", name=name, prefixes=(prefix,), ip_version=4,
        default_prefixlen=26, min_prefixlen=20, max_prefixlen=30,
    )  # fmt: skip


def _floating(name: str, **more: Any) -> FloatingIp:
    return FloatingIp(id=name, project_id="project", network_id="external", **more)


def _group(name: str) -> SecurityGroup:
    return SecurityGroup(id=name, project_id="project", name=name)


def _rule(name: str, protocol: str) -> SecurityGroupRule:
    return SecurityGroupRule(
        id=name, security_group_id="group", project_id="project", direction="ingress",
        ethertype="IPv4", protocol=protocol,
    )  # fmt: skip


NETWORK_MESSAGES: list[tuple[type[RpcClient], str, dict[str, Any]]] = [
    (RoutersAPI, "create_router", {"router": Router(
        id="new", project_id="project", name="new", gateway=OUT)}),
    (RoutersAPI, "update_router", {"router_id": "spare-router", "values": {"name": "other"},
                                   "gateway": OUT, "changes_gateway": True}),
    (RoutersAPI, "update_router", {"router_id": "router", "values": {},
                                   "gateway": None, "changes_gateway": True}),
    (RoutersAPI, "change_routes", {"router_id": "router", "removed": [],
                                   "added": [{"destination": "10.9.0.0/16",
                                              "nexthop": "10.21.0.9"}]}),
    (RoutersAPI, "delete_router", {"router_id": "spare-router"}),
    (RoutersAPI, "add_router_subnet", {"router_id": "router", "subnet_id": "parted-subnet",
                                       "port_id": "new-port"}),
    (RoutersAPI, "add_router_port", {"router_id": "router", "port_id": "inner-port"}),
    (RoutersAPI, "remove_router_interface", {"router_id": "router", "port_id": None,
                                             "subnet_id": "joined-subnet"}),
    (FloatingIpsAPI, "create_floating_ip", {"floating_ip": _floating(
        "new", port_id="joined-port")}),
    (FloatingIpsAPI, "update_floating_ip", {"floating_ip_id": "floating",
                                            "values": {"port_id": "joined-port"}}),
    (FloatingIpsAPI, "delete_floating_ip", {"floating_ip_id": "spare-floating"}),
    (SecurityGroupsAPI, "ensure_default_group", {"project_id": "another"}),
    (SecurityGroupsAPI, "create_group", {"group": _group("new")}),
    (SecurityGroupsAPI, "update_group", {"group_id": "group", "values": {"name": "other"}}),
    (SecurityGroupsAPI, "delete_group", {"group_id": "spare-group"}),
    (SecurityGroupsAPI, "create_rules", {"rules": [_rule("tcp", "tcp"), _rule("icmp", "icmp")]}),
    (SecurityGroupsAPI, "delete_rule", {"rule_id": "rule"}),
    (SecurityGroupsAPI, "add_to_server", {"instance_uuid": "server", "group_id": "spare-group"}),
    (SecurityGroupsAPI, "remove_from_server", {"instance_uuid": "server", "group_id": "group"}),
    (SubnetPoolsAPI, "create_pool", {"pool": _pool("new", "10.41.0.0/16")}),
    (SubnetPoolsAPI, "update_pool", {"pool_id": "pool", "values": {"name": "other"}}),
    (SubnetPoolsAPI, "delete_pool", {"pool_id": "pool"}),
    (NetworkQuotasAPI, "set_limits", {"project_id": "new", "limits": {"port": 5},
                                      "is_checked": True}),
    (NetworkQuotasAPI, "forget_limits", {"project_id": "project"}),
    (NetworkTagsAPI, "set_tags", {"resource_id": "network", "tags": ["one", "two"]}),
    (NetworkTagsAPI, "add_tag", {"resource_id": "network", "tag": "new"}),
    (NetworkTagsAPI, "remove_tag", {"resource_id": "network", "tag": "one"}),
]  # fmt: skip
