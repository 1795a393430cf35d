"""Security groups and their rules as the API shows them."""

from __future__ import annotations

from typing import Any

from devstack_lite.objects.security import SecurityGroup, SecurityGroupRule
from services.network.views import common

Json = dict[str, Any]


def group(one: SecurityGroup) -> Json:
    """Return a group with its rules."""
    return {
        **common(one),
        "name": one.name,
        "stateful": one.stateful,
        "shared": False,
        "security_group_rules": [rule(each) for each in one.rules],
    }


def rule(one: SecurityGroupRule) -> Json:
    """Return a rule."""
    return {
        **common(one),
        "security_group_id": one.security_group_id,
        "direction": one.direction,
        "ethertype": one.ethertype,
        "protocol": one.protocol,
        "port_range_min": one.port_range_min,
        "port_range_max": one.port_range_max,
        "remote_ip_prefix": one.remote_ip_prefix,
        "remote_group_id": one.remote_group_id,
    }
