"""Addresses of subnets: given out once, many in a few statements, whatever is taken already."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.schema import ip_allocations, subnets
from devstack_lite.exceptions import Conflict, Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

WINDOW = 256
"""The fewest addresses looked at in one statement; a search that meets few free ones is rare."""


class Pool:
    """A subnet's allocation pools as one row of addresses, by offset."""

    def __init__(self, ranges: Sequence[dict[str, str]]) -> None:
        self._ranges = [
            (ipaddress.ip_address(one["start"]), ipaddress.ip_address(one["end"])) for one in ranges
        ]
        self.size = sum(int(end) - int(start) + 1 for start, end in self._ranges)

    def at(self, offset: int) -> str:
        """Return the address at an offset, 0 being the first. Raises IndexError."""
        for start, end in self._ranges:
            length = int(end) - int(start) + 1
            if offset < length:
                return str(start + offset)
            offset -= length
        raise IndexError(offset)

    def windows(self, start: int, length: int) -> Iterator[tuple[int, list[str]]]:
        """Yield all addresses once, length at a time, from an offset on, around the end."""
        seen = 0
        while seen < self.size:
            count = min(length, self.size - seen)
            yield (
                (start + seen + count) % self.size,
                [self.at((start + seen + step) % self.size) for step in range(count)],
            )
            seen += count


def take_next(connection: Connection, subnet: Any, count: int, given: set[str]) -> list[str]:
    """Return count free addresses of a subnet, in the caller's transaction; none is recorded yet.

    given: addresses that this transaction gives out besides. Freed addresses are used again once
    the search has gone round. Raises Conflict when there are fewer.
    """
    pool = Pool(subnet.allocation_pools)
    found: list[str] = []
    offset = subnet.next_offset % max(1, pool.size)
    for behind, candidates in pool.windows(offset, max(WINDOW, count)):
        taken = _taken(connection, subnet.id, candidates) | given
        for position, address in enumerate(candidates):
            if address not in taken:
                found.append(address)
            if len(found) == count:
                at = (behind - len(candidates) + position + 1) % pool.size
                connection.execute(
                    subnets.update().where(subnets.c.id == subnet.id).values(next_offset=at)
                )
                return found
    raise Conflict(
        f"No more IP addresses available on network {subnet.network_id}.",
        kind="ipAddressGenerationFailure",
    )


def take_given(connection: Connection, subnet: Any, address: str) -> str:
    """Return an address that somebody asked for. Raises Invalid, Conflict when it is taken."""
    try:
        wanted = ipaddress.ip_address(address)
    except ValueError as error:
        raise Invalid(f"'{address}' is not a valid IP address.") from error
    if wanted not in ipaddress.ip_network(subnet.cidr):
        raise Invalid(
            f"IP address {address} is not a valid IP for the specified subnet.",
            kind="invalidIpForSubnet",
        )
    if _taken(connection, subnet.id, [str(wanted)]) or str(wanted) == subnet.gateway_ip:
        raise Conflict(
            f"IP address {address} already allocated in subnet {subnet.id}",
            kind="ipAddressAlreadyAllocated",
        )
    return str(wanted)


def _taken(connection: Connection, subnet_id: str, candidates: Sequence[str]) -> set[str]:
    own = ip_allocations.c
    return set(
        connection.execute(
            sa.select(own.ip_address).where(
                own.subnet_id == subnet_id, own.ip_address.in_(candidates)
            )
        ).scalars()
    )
