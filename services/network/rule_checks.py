"""What the parts of a security group's rule must be to each other, in Neutron's words."""

from __future__ import annotations

import ipaddress
from typing import Any

from devstack_lite.exceptions import Invalid

Json = dict[str, Any]

WITH_PORTS = frozenset({"tcp", "udp", "udplite", "sctp", "dccp", "6", "17", "136", "132", "33"})
ICMP = frozenset({"icmp", "icmpv6", "ipv6-icmp", "1", "58"})
PROTOCOLS = (
    "ah", "dccp", "egp", "esp", "gre", "icmp", "icmpv6", "igmp", "ip", "ipip", "ipv6-encap",
    "ipv6-frag", "ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "ipv6-route", "ospf", "pgm", "rsvp",
    "sctp", "tcp", "udp", "udplite", "vrrp",
)  # fmt: skip


def protocol_of(value: Any) -> str | None:
    """Return a protocol as it is kept: a name, or a number from 0 to 255. Raises Invalid."""
    if value is None or str(value).lower() in {"", "any"}:
        return None
    text = str(value).lower()
    if text in PROTOCOLS or (text.isascii() and text.isdecimal() and int(text[:4]) <= 255):
        return text
    raise Invalid(
        f"Security group rule protocol {value} not supported. Only protocol values"
        f" {list(PROTOCOLS)} and integer representations [0 to 255] are supported.",
        kind="SecurityGroupRuleInvalidProtocol",
    )


def check_remote(rule: Json) -> str | None:
    """Return the remote prefix as it is kept. Raises Invalid."""
    prefix = rule.get("remote_ip_prefix")
    if not prefix:
        return None
    if rule.get("remote_group_id"):
        raise Invalid(
            "Only remote_ip_prefix or remote_group_id may be provided.",
            kind="SecurityGroupRemoteGroupAndRemoteIpPrefix",
        )
    try:
        block = ipaddress.ip_network(prefix, strict=False)
    except ValueError as error:
        raise Invalid(f"Invalid input for remote_ip_prefix. Reason: {error}.") from error
    ethertype = rule.get("ethertype") or "IPv4"
    if ethertype != f"IPv{block.version}":
        raise Invalid(
            f"Conflicting value ethertype {ethertype} for CIDR {prefix}",
            kind="SecurityGroupRuleParameterConflict",
        )
    return str(prefix) if "/" in prefix else str(block)


def ports_of(rule: Json) -> tuple[int | None, int | None]:
    """Return the ends of a rule's range of ports, or ICMP's type and code. Raises Invalid."""
    first, last = (
        None if rule.get(name) in {None, ""} else int(rule[name])
        for name in ("port_range_min", "port_range_max")
    )
    if first is None and last is None:
        return None, None
    protocol = protocol_of(rule.get("protocol"))
    if protocol is None:
        raise Invalid(
            "Must also specify protocol if port range is given.",
            kind="SecurityGroupProtocolRequiredWithPorts",
        )
    if protocol in ICMP:
        _check_icmp(first, last)
    elif protocol not in WITH_PORTS:
        raise Invalid(
            f"Invalid protocol {protocol} for port range, only supported for TCP, UDP, UDPLITE,"
            " SCTP and DCCP.",
            kind="SecurityGroupInvalidProtocolForPort",
        )
    elif first is None or last is None or not 0 < first <= last:
        raise Invalid(
            "For TCP/UDP protocols, port_range_min must be <= port_range_max",
            kind="SecurityGroupInvalidPortRange",
        )
    return first, last


def _check_icmp(kind: int | None, code: int | None) -> None:
    if kind is None:
        raise Invalid(
            f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is"
            " missing.",
            kind="SecurityGroupMissingIcmpType",
        )
    for field, name, value in (("type", "port_range_min", kind), ("code", "port_range_max", code)):
        if value is not None and value > 255:
            raise Invalid(
                f"Invalid value for ICMP {field} ({name}) {value}. It must be 0 to 255.",
                kind="SecurityGroupInvalidIcmpValue",
            )
