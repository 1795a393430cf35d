"""Which block of a pool a subnet gets, and what the blocks of a pool must be."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.network import SubnetPool
from services.network.subnet_blocks import Block

_LENGTHS = {4: (8, 32), 6: (64, 128)}
"""By IP version the shortest and the longest prefix of a subnet; Neutron's defaults."""


def prefixes_of(texts: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return blocks, joined where they meet, and their version. Raises Invalid."""
    try:
        blocks: list[Any] = [ipaddress.ip_network(text) for text in texts]
    except ValueError as error:
        raise Invalid(f"Invalid input for prefixes. Reason: {error}.") from error
    if len({block.version for block in blocks}) != 1:
        raise Invalid("Illegal subnetpool prefixes: they are of no or of several IP versions.")
    joined = ipaddress.collapse_addresses(blocks)
    return tuple(str(block) for block in joined), blocks[0].version


def lengths_of(version: int, wanted: dict[str, Any]) -> dict[str, int]:
    """Return default, shortest and longest prefix of a pool's subnets. Raises Invalid."""
    shortest, longest = _LENGTHS[version]
    shortest = int(wanted.get("min_prefixlen") or shortest)
    longest = int(wanted.get("max_prefixlen") or longest)
    default = int(wanted.get("default_prefixlen") or shortest)
    if not shortest <= default <= longest <= _LENGTHS[version][1]:
        raise Invalid(
            f"Illegal prefix bounds: min_prefixlen {shortest}, default_prefixlen {default},"
            f" max_prefixlen {longest}."
        )
    return {
        "min_prefixlen": shortest, "max_prefixlen": longest, "default_prefixlen": default,
    }  # fmt: skip


def check_length(pool: SubnetPool, length: int) -> None:
    """Raise Invalid for a prefix that the pool gives none of."""
    if not pool.min_prefixlen <= length <= pool.max_prefixlen:
        raise Invalid(
            f"Unable to allocate subnet with prefix length {length}, allowed are"
            f" {pool.min_prefixlen} to {pool.max_prefixlen}."
        )


def check_within(pool: SubnetPool, block: Block) -> None:
    """Raise Invalid for a block that is not of the pool."""
    check_length(pool, block.prefixlen)
    outer: Iterable[Any] = (ipaddress.ip_network(text) for text in pool.prefixes)
    if not any(block.version == one.version and block.subnet_of(one) for one in outer):
        raise Invalid(f"Cannot allocate requested subnet {block} from the set of prefixes.")


def free_block(pool: SubnetPool, length: int, taken: Iterable[str]) -> Block:
    """Return the first free block of a pool with a prefix of that length. Raises Invalid."""
    check_length(pool, length)
    held: list[Any] = sorted(ipaddress.ip_network(text) for text in taken)
    for text in pool.prefixes:
        outer: Any = ipaddress.ip_network(text)
        if outer.prefixlen > length:
            continue
        size = 2 ** (outer.max_prefixlen - length)
        start = int(outer.network_address)
        for one in held:
            first, last = int(one.network_address), int(one.broadcast_address)
            if last < start or first >= start + size:
                continue
            start = -(-(last + 1) // size) * size
        if start + size - 1 <= int(outer.broadcast_address):
            found: Block = type(outer)((start, length))
            return found
    raise Invalid(
        f"Failed to allocate subnet: Insufficient prefix space to allocate subnet size /{length}.",
        kind="SubnetAllocationError",
    )
