"""What a subnet's block, gateway, pools and routes must be to each other, and their defaults."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from itertools import pairwise

from devstack_lite.exceptions import Conflict, Invalid

Block = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Range = tuple[int, int]


def block_of(cidr: str, version: int) -> Block:
    """Return the block that cidr names. Raises Invalid."""
    try:
        block = ipaddress.ip_network(cidr)
    except ValueError as error:
        raise Invalid(f"Invalid input for cidr. Reason: {error}.") from error
    if block.version != version:
        raise Invalid(
            f"Invalid input for operation: ip_version '{version}' does not match the ip_version of"
            f" cidr '{cidr}'.",
            kind="invalidInput",
        )
    return block


def default_gateway(block: Block) -> str | None:
    """Return the first address of a block that is large enough to have one to spare."""
    return str(block.network_address + 1) if block.num_addresses > 2 else None


def check_gateway(block: Block, gateway: str | None) -> str | None:
    """Return a gateway in its usual spelling. Raises Invalid.

    As in Neutron it may be outside of the block, but not where an IPv4 block ends.
    """
    if gateway is None:
        return None
    address = ipaddress.ip_address(gateway)
    _check_version("gateway_ip", address, block)
    ends = {block.network_address, block.broadcast_address}
    if block.version == 4 and block.num_addresses > 2 and address in ends:
        raise Invalid(
            "Invalid input for operation: Gateway is not valid on subnet.", kind="invalidInput"
        )
    return str(address)


def check_routes(block: Block, routes: Sequence[dict[str, str]]) -> None:
    """Raise Invalid for a host route that is none, or one of the other IP version."""
    for route in routes:
        try:
            destination = ipaddress.ip_network(route["destination"])
        except ValueError as error:
            raise Invalid(f"Invalid input for host_routes. Reason: {error}.") from error
        _check_version("host_routes", destination, block)
        _check_version("host_routes", ipaddress.ip_address(route["nexthop"]), block)


def _check_version(name: str, value: Block | Address, block: Block) -> None:
    if value.version != block.version:
        raise Invalid(
            f"Invalid input for operation: {name} '{value}' does not match the ip_version"
            f" '{block.version}'.",
            kind="invalidInput",
        )


def check_pools(
    block: Block, gateway: str | None, pools: Sequence[dict[str, str]]
) -> list[dict[str, str]]:
    """Return pools in their usual spelling. Raises Invalid and Conflict in Neutron's words."""
    ranges = sorted(_range(block, pool) for pool in pools)
    for (start, end), (other_start, other_end) in pairwise(ranges):
        if other_start <= end:
            raise Conflict(
                f"Found overlapping allocation pools: {_text(block, start, end)}"
                f" {_text(block, other_start, other_end)} for subnet {block}.",
                kind="OverlappingAllocationPools",
            )
    at = int(ipaddress.ip_address(gateway)) if gateway is not None else -1
    for start, end in ranges:
        if start <= at <= end:
            raise Conflict(
                f"Gateway ip {gateway} conflicts with allocation pool {_text(block, start, end)}.",
                kind="GatewayConflictWithAllocationPools",
            )
    return [_pool(block, start, end) for start, end in ranges]


def _range(block: Block, pool: dict[str, str]) -> Range:
    start, end = ipaddress.ip_address(pool["start"]), ipaddress.ip_address(pool["end"])
    if start.version != block.version or end.version != block.version or int(start) > int(end):
        raise Invalid(
            f"The allocation pool {pool['start']}-{pool['end']} is not valid.",
            kind="invalidAllocationPool",
        )
    first, last = _hosts(block)
    if int(start) < first or int(end) > last:
        raise Invalid(
            f"The allocation pool {pool['start']}-{pool['end']} spans beyond the subnet cidr"
            f" {block}.",
            kind="outOfBoundsAllocationPool",
        )
    return int(start), int(end)


def default_pools(block: Block, gateway: str | None) -> list[dict[str, str]]:
    """Return every host address of a block but its gateway's, as ranges."""
    first, last = _hosts(block)
    at = int(ipaddress.ip_address(gateway)) if gateway is not None else -1
    ranges = [(first, at - 1), (at + 1, last)] if first <= at <= last else [(first, last)]
    return [_pool(block, start, end) for start, end in ranges if start <= end]


def _hosts(block: Block) -> Range:
    """Return the first and the last address of a block that a host may have."""
    first, last = int(block.network_address), int(block.broadcast_address)
    if block.num_addresses > 2:
        first += 1
        last -= 1 if block.version == 4 else 0
    return first, last


def _pool(block: Block, start: int, end: int) -> dict[str, str]:
    kind = type(block.network_address)
    return {"start": str(kind(start)), "end": str(kind(end))}


def _text(block: Block, start: int, end: int) -> str:
    pool = _pool(block, start, end)
    return f"{pool['start']}-{pool['end']}"
