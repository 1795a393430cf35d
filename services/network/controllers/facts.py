"""What the network API says of itself: resources, extensions, zones."""

from __future__ import annotations

from typing import Any

from devstack_lite.exceptions import NotFound
from devstack_lite.wsgi.request import Request

Json = dict[str, Any]

EXTENSIONS = {
    "availability_zone": "Availability Zone",
    "binding": "Port Binding",
    "external-net": "Neutron external network",
    "net-mtu": "Network MTU",
    "pagination": "Pagination support",
    "port-security": "Port Security",
    "project-id": "project_id field enabled",
    "quota_details": "Quota details management support",
    "quota-check-limit": "Quota engine limit check",
    "quotas": "Quota management support",
    "security-group": "security-group",
    "stateful-security-group": "Stateful security group",
    "subnet_allocation": "Subnet Allocation",
    "subnet-external-network": "Subnet belongs to an external network",
    "service-type": "Neutron Service Type Management",
    "sorting": "Sorting support",
    "fip-port-details": "Floating IP Port Details Extension",
    "router": "Neutron L3 Router",
    "ext-gw-mode": "Neutron L3 Configurable external gateway mode",
    "extraroute": "Neutron Extra Route",
    "extraroute-atomic": "Atomically add/remove extra routes",
    "allowed-address-pairs": "Allowed Address Pairs",
    "standard-attr-description": "standard-attr-description",
    "standard-attr-tag": "Tag support for resources with standard attribute",
    "standard-attr-timestamp": "Resource timestamps",
}

RESOURCES = {
    "network": "networks",
    "subnet": "subnets",
    "subnetpool": "subnetpools",
    "port": "ports",
    "router": "routers",
    "floatingip": "floatingips",
    "security_group": "security-groups",
    "security_group_rule": "security-group-rules",
}


def _extension(alias: str) -> Json:
    return {
        "alias": alias,
        "name": EXTENSIONS[alias],
        "description": EXTENSIONS[alias],
        "updated": "2026-01-01T00:00:00-00:00",
        "links": [],
    }


class FactsController:
    """Read only."""

    def resources(self, req: Request) -> Json:
        """List what can be created."""
        return {
            "resources": [
                {
                    "name": name,
                    "collection": collection,
                    "links": [{"rel": "self", "href": req.public_url(f"/{collection}")}],
                }
                for name, collection in RESOURCES.items()
            ]
        }

    def extensions(self, req: Request) -> Json:
        """List the extensions that work."""
        return {"extensions": [_extension(alias) for alias in EXTENSIONS]}

    def extension(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one extension."""
        if id not in EXTENSIONS:
            raise NotFound(f"Extension with alias {id} does not exist", kind="extension")
        return {"extension": _extension(id)}

    def availability_zones(self, req: Request) -> Json:
        """List the one zone."""
        zone = {"name": "nova", "resource": "network", "state": "available"}
        return {"availability_zones": [zone]}

    def service_providers(self, req: Request) -> Json:
        """List who provides VPNs and the like: nobody does."""
        return {"service_providers": []}

    def agents(self, req: Request) -> Json:
        """List agents: none are needed."""
        return {"agents": []}
