"""Addresses of subnets: given out once, many in a few statements, whatever is taken already.

Everything here happens in the caller's transaction, which has locked the subnets' rows. What keeps
an address from being given twice is the table's key, not the care taken here.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.schema import ip_allocations, subnets
from devstack_lite.db.statements import one_of
from devstack_lite.exceptions import Conflict, Invalid
from devstack_lite.objects.network import Port
from devstack_lite.objects.registry import Json

WINDOW = 16
"""The fewest addresses that one statement looks at: the hint usually points at free ones."""

WINDOW_LIMIT = 4096
"""The most; a tenth of what SQLite, the narrowest of the databases, takes as parameters."""


class Pool:
    """A subnet's allocation pools as one row of addresses, by offset."""

    def __init__(self, ranges: Sequence[Mapping[str, str]]) -> None:
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
        """Yield all addresses once, in growing parts, from an offset on, around the end.

        With each part goes the offset of its first address.
        """
        seen = 0
        while seen < self.size:
            count = min(length, self.size - seen)
            first = (start + seen) % self.size
            yield first, [self.at((first + step) % self.size) for step in range(count)]
            seen += count
            length = max(length, min(2 * length, WINDOW_LIMIT))


def allocate(
    connection: Connection, wanted: Sequence[Port], by_network: Mapping[str, Sequence[Any]]
) -> dict[str, list[Json]]:
    """Return the addresses of each port, by its id; none is recorded yet.

    by_network: the rows of each network's subnets, the oldest first. Addresses that were asked for
    go first. A port that asks for none in particular gets one of each IP version that its network
    has. Raises Invalid and Conflict.
    """
    held: dict[str, list[Json]] = {port.id: [] for port in wanted}
    given: dict[str, set[str]] = defaultdict(set)
    automatic: dict[tuple[str, ...], list[str]] = defaultdict(list)
    by_id = {subnet.id: subnet for found in by_network.values() for subnet in found}
    for port in wanted:
        found = by_network.get(port.network_id, ())
        if port.fixed_ips is None:
            for version in sorted({subnet.ip_version for subnet in found}):
                some = tuple(subnet.id for subnet in found if subnet.ip_version == version)
                automatic[some].append(port.id)
            continue
        for fixed in port.fixed_ips:
            candidates, address = _asked(connection, found, fixed, port.network_id)
            if address is None:
                automatic[candidates].append(port.id)
            elif address in given[candidates[0]]:
                raise _already_allocated(address, candidates[0])
            else:
                given[candidates[0]].add(address)
                held[port.id].append({"subnet_id": candidates[0], "ip_address": address})
    for candidates, port_ids in automatic.items():
        free = _take(connection, [by_id[one] for one in candidates], len(port_ids), given)
        for port_id, fixed in zip(port_ids, free, strict=True):
            held[port_id].append(fixed)
    return held


def hold(connection: Connection, addresses: Mapping[str, Sequence[Json]]) -> None:
    """Record the addresses of ports, in one statement."""
    rows = [{"port_id": port_id, **fixed} for port_id, held in addresses.items() for fixed in held]
    if rows:
        connection.execute(_HOLD, rows)


def _asked(
    connection: Connection, found: Sequence[Any], fixed: Json, network_id: str
) -> tuple[tuple[str, ...], str | None]:
    """Return the subnets that a fixed IP may come from, and the address if it names one."""
    named, address = fixed.get("subnet_id"), fixed.get("ip_address")
    usable = [subnet for subnet in found if named in {None, subnet.id}]
    if named is not None and not usable:
        raise Invalid(
            f"Invalid input for operation: Failed to create port on network {network_id}, because"
            f" fixed_ips included invalid subnet {named}.",
            kind="invalidInput",
        )
    if address is None:
        # Any subnet of the first one's version: an address is what was asked for, not two.
        some = [subnet.id for subnet in usable if subnet.ip_version == usable[0].ip_version]
        if some:
            return tuple(some), None
    else:
        ip = ipaddress.ip_address(address)
        for subnet in usable:
            if ip in ipaddress.ip_network(subnet.cidr):
                return (subnet.id,), _take_given(connection, subnet, ip)
    if named is not None:
        raise Invalid(
            f"IP address {address} is not a valid IP for the specified subnet.",
            kind="invalidIpForSubnet",
        )
    raise Invalid(
        f"IP address {address or ''} is not a valid IP for any of the subnets on the specified"
        " network.",
        kind="invalidIpForNetwork",
    )


def _take_given(
    connection: Connection, subnet: Any, ip: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> str:
    block = ipaddress.ip_network(subnet.cidr)
    ends = {block.network_address} | ({block.broadcast_address} if block.version == 4 else set())
    if block.num_addresses > 2 and ip in ends:
        raise Invalid(
            f"IP address {ip} is not a valid IP for the specified subnet.",
            kind="invalidIpForSubnet",
        )
    if _taken(connection, subnet.id, [str(ip)]):
        raise _already_allocated(str(ip), subnet.id)
    return str(ip)


def _already_allocated(address: str, subnet_id: str) -> Conflict:
    return Conflict(
        f"IP address {address} already allocated in subnet {subnet_id}",
        kind="IpAddressAlreadyAllocated",
    )


def _take(
    connection: Connection, candidates: Sequence[Any], count: int, given: dict[str, set[str]]
) -> list[Json]:
    """Return count free addresses, of the first subnet as long as it has any, then of the next."""
    found: list[Json] = []
    for subnet in candidates:
        taken = _take_next(connection, subnet, count - len(found), given[subnet.id])
        given[subnet.id].update(taken)
        found += [{"subnet_id": subnet.id, "ip_address": address} for address in taken]
        if len(found) == count:
            return found
    raise Conflict(
        f"No more IP addresses available on network {candidates[0].network_id}.",
        kind="IpAddressGenerationFailure",
    )


def _take_next(connection: Connection, subnet: Any, count: int, given: set[str]) -> list[str]:
    """Return free addresses of a subnet, fewer than count when there are fewer.

    The search begins where the last one ended, so that it finds free ones at once; freed addresses
    are used again once it has gone round. given: what this transaction gives out besides.
    """
    pool = Pool(subnet.allocation_pools)
    found: list[str] = []
    start = subnet.next_offset % max(1, pool.size)
    for first, addresses in pool.windows(start, max(WINDOW, count)):
        taken = _taken(connection, subnet.id, addresses) | given
        for step, address in enumerate(addresses):
            if address in taken:
                continue
            found.append(address)
            if len(found) == count:
                behind = (first + step + 1) % pool.size
                connection.execute(_SEARCH_FROM, {"b_id": subnet.id, "next_offset": behind})
                return found
    return found


def _taken(connection: Connection, subnet_id: str, candidates: Sequence[str]) -> set[str]:
    which = {"b_subnet_id": subnet_id, "addresses": list(candidates)}
    return set(connection.scalars(_TAKEN, which))


_TAKEN = sa.select(ip_allocations.c.ip_address).where(
    ip_allocations.c.subnet_id == sa.bindparam("b_subnet_id"),
    one_of(ip_allocations.c.ip_address, "addresses"),
)
_SEARCH_FROM = subnets.update().where(subnets.c.id == sa.bindparam("b_id"))
_HOLD = ip_allocations.insert()
