"""Security groups as the compute API shows them."""

from __future__ import annotations

from typing import Any

from devstack_lite.objects.registry import Json
from devstack_lite.objects.security import SecurityGroup, SecurityGroupRule


def group(one: SecurityGroup, names: dict[str, str]) -> Json:
    """Return a group with what it lets in, as Nova always showed it. names: of groups, by id."""
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "tenant_id": one.project_id,
        "rules": [_rule(rule, one, names) for rule in one.rules if rule.direction == "ingress"],
    }


def _rule(rule: SecurityGroupRule, one: SecurityGroup, names: dict[str, str]) -> Json:
    first, last = rule.port_range_min, rule.port_range_max
    if rule.protocol and first is None:
        first, last = (-1, -1) if rule.protocol.startswith("icmp") else (1, 65535)
    remote: dict[str, Any] = {"group": {}, "ip_range": {}}
    if rule.remote_group_id:
        name = names.get(rule.remote_group_id, rule.remote_group_id)
        remote["group"] = {"name": name, "tenant_id": one.project_id}
    else:
        anywhere = "0.0.0.0/0" if rule.ethertype == "IPv4" else "::/0"
        remote["ip_range"] = {"cidr": rule.remote_ip_prefix or anywhere}
    return {
        "id": rule.id,
        "parent_group_id": one.id,
        "ip_protocol": rule.protocol,
        "from_port": first,
        "to_port": last,
        **remote,
    }
