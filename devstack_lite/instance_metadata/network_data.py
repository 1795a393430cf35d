"""network_data.json: links, networks on them and name servers, in Nova's form.

Format: https://docs.openstack.org/nova/latest/user/metadata.html, and the schema beside it.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from devstack_lite.names import tap_of
from devstack_lite.objects.facts import AddressFacts, InstanceFacts, InterfaceFacts

LINK_TYPE = "phy"
"""What Nova calls a link of any kind that guests of old did not know by name."""

Json = dict[str, Any]


def describe(facts: InstanceFacts) -> Json:
    """Return the document, empty without interfaces.

    As in Nova's, a network is shown with its first IPv4 and its first IPv6 subnet.
    """
    if not facts.interfaces:
        return {}
    links: list[Json] = []
    networks: list[Json] = []
    services: list[Json] = []
    for interface in facts.interfaces:
        shown = _first_of_each_version(interface)
        if not shown:
            continue
        links.append(_link(interface))
        for address in shown:
            networks.append(_network(interface, address, f"network{len(networks)}"))
            services += [one for one in _name_servers(address) if one not in services]
    return {"links": links, "networks": networks, "services": services}


def _first_of_each_version(interface: InterfaceFacts) -> list[AddressFacts]:
    by_version: dict[int, AddressFacts] = {}
    for address in interface.addresses:
        by_version.setdefault(address.subnet.ip_version, address)
    return [by_version[version] for version in sorted(by_version)]


def _link(interface: InterfaceFacts) -> Json:
    return {
        "id": tap_of(interface.port_id),
        "vif_id": interface.port_id,
        "type": LINK_TYPE,
        "mtu": interface.mtu,
        "ethernet_mac_address": interface.mac,
    }


def _network(interface: InterfaceFacts, address: AddressFacts, name: str) -> Json:
    subnet = address.subnet
    common = {
        "id": name,
        "type": f"ipv{subnet.ip_version}",
        "link": tap_of(interface.port_id),
        "network_id": interface.network_id,
    }
    if subnet.enable_dhcp:
        return common | {"type": f"ipv{subnet.ip_version}_dhcp"}
    routes = [_route(one["destination"], one["nexthop"]) for one in subnet.host_routes]
    if subnet.gateway_ip:
        anywhere = "0.0.0.0/0" if subnet.ip_version == 4 else "::/0"
        routes.insert(0, _route(anywhere, subnet.gateway_ip))
    return common | {
        "ip_address": address.address,
        "netmask": str(ipaddress.ip_network(subnet.cidr).netmask),
        "routes": routes,
        "services": _name_servers(address),
    }


def _route(cidr: str, gateway: str) -> Json:
    network = ipaddress.ip_network(cidr, strict=False)
    return {
        "network": str(network.network_address),
        "netmask": str(network.netmask),
        "gateway": gateway,
    }


def _name_servers(address: AddressFacts) -> list[Json]:
    return [{"type": "dns", "address": server} for server in address.subnet.dns_nameservers]
