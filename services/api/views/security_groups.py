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
        "rules": [rule(each, one, names) for each in one.rules if each.direction == "ingress"],
    }


def rule(each: SecurityGroupRule, one: SecurityGroup, names: dict[str, str]) -> Json:
    """Return a rule of a group."""
    first, last = each.port_range_min, each.port_range_max
    if each.protocol and first is None:
        first, last = (1, 65535) if each.protocol.lower() in {"tcp", "udp"} else (-1, -1)
    remote: dict[str, Any] = {"group": {}, "ip_range": {}}
    if each.remote_group_id:
        name = names.get(each.remote_group_id, each.remote_group_id)
        remote["group"] = {"name": name, "tenant_id": one.project_id}
    else:
        anywhere = "0.0.0.0/0" if each.ethertype == "IPv4" else "::/0"
        remote["ip_range"] = {"cidr": each.remote_ip_prefix or anywhere}
    return {
        "id": each.id,
        "parent_group_id": one.id,
        "ip_protocol": each.protocol,
        "from_port": first,
        "to_port": last,
        **remote,
    }


_OF_RULE = (
    "id", "security_group_id", "project_id", "direction", "ethertype", "protocol",
    "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id",
)  # fmt: skip


def of_network(shown: Json) -> SecurityGroup:
    """Return the group that network shows."""
    return SecurityGroup(
        **{key: shown[key] for key in ("id", "project_id", "name", "description")},
        rules=tuple(rule_of_network(each) for each in shown["security_group_rules"]),
    )


def rule_of_network(shown: Json) -> SecurityGroupRule:
    """Return the rule that network shows."""
    return SecurityGroupRule(**{key: shown[key] for key in _OF_RULE})
