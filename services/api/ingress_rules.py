"""Rules of security groups as the compute API takes them: what comes in, in network's form."""

from __future__ import annotations

import ipaddress
from typing import Any

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.registry import Json

_WITH_PORTS = frozenset({"TCP", "UDP"})


def to_network(asked: Json) -> Json:
    """Return the body of a rule for network. Raises Invalid, in Nova's words."""
    group_id = asked.get("group_id")
    cidr = None if group_id else _cidr(asked.get("cidr"))
    return {
        "direction": "ingress",
        "ethertype": "IPv6" if cidr and ":" in cidr else "IPv4",
        "security_group_id": asked["parent_group_id"],
        "remote_group_id": group_id,
        "remote_ip_prefix": cidr,
        **_what(asked, is_from_group=bool(group_id)),
    }


def _cidr(value: Any) -> str:
    if not value:
        return "0.0.0.0/0"
    try:
        asked = ipaddress.ip_interface(str(value))
    except ValueError as error:
        raise Invalid(f"{value} is not a valid IP network.") from error
    if "/" not in str(value):
        raise Invalid(f"{value} is not a valid IP network.")
    if asked.network.prefixlen == 0 and asked.ip != asked.network.network_address:
        raise Invalid(f"Bad prefix for network in cidr {value}")
    return str(value)


def _what(asked: Json, *, is_from_group: bool) -> Json:
    """Return protocol and ports. From a group they may be missing: then all of it comes in."""
    protocol = str(asked.get("ip_protocol") or "")
    first, last = asked.get("from_port"), asked.get("to_port")
    if is_from_group and first is None and last is None:
        first, last = _whole_range(protocol)
    if not protocol or first is None or last is None:
        if not is_from_group:
            raise Invalid("Not enough parameters to build a valid rule.")
        return {"protocol": None}
    first, last = _numbers(protocol, first, last)
    _check(protocol, first, last)
    return {
        "protocol": protocol,
        **({"port_range_min": first} if first != -1 else {}),
        **({"port_range_max": last} if last != -1 else {}),
    }


def _whole_range(protocol: str) -> tuple[int | None, int | None]:
    if protocol.upper() == "ICMP":
        return -1, -1
    return (1, 65535) if protocol.upper() in _WITH_PORTS else (None, None)


def _numbers(protocol: str, first: Any, last: Any) -> tuple[int, int]:
    try:
        return int(first), int(last)
    except (ValueError, TypeError, OverflowError) as error:
        icmp = "Type and Code must be integers for ICMP protocol type"
        ports = "To and From ports must be integers"
        reason = icmp if protocol.upper() == "ICMP" else ports
        raise Invalid(f"Invalid input received: {reason}") from error


def _check(protocol: str, first: int, last: int) -> None:
    kind = protocol.upper()
    problem = ""
    if kind not in {*_WITH_PORTS, "ICMP"}:
        raise Invalid(f"Invalid IP protocol {protocol}.")
    if kind == "ICMP":
        if not (-1 <= first <= 255 and -1 <= last <= 255):
            problem = "For ICMP, the type:code must be valid"
    elif first > last:
        problem = "Former value cannot be greater than the later"
    elif first < 1 or last > 65535:
        problem = f"Valid {kind} ports should be between 1-65535"
    if problem:
        raise Invalid(f"Invalid port range {first}:{last}. {problem}")
