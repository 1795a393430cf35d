"""Which TCP ports a cloud gets.

The default cloud has OpenStack's standard ports, so that documentation applies as it is. Others get
a block of ten; within a block the order is fixed:

    P identity, P+1 api (compute), P+2 volume, P+3 image, P+4 network, P+5 placement, P+6 metadata

The broker's ports are anybody's: nothing outside the cloud needs to know them.
"""

from __future__ import annotations

import contextlib
import socket
import zlib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from devstack_lite.cloud import CloudError
from devstack_lite.conf import STANDARD_PORTS

BLOCK_ORDER = ("identity", "api", "volume", "image", "network", "placement", "metadata")
BLOCK_SIZE = 10
FIRST_BASE, LAST_BASE = 20000, 29990
"""Above the well-known services, below Linux's ephemeral ports (32768)."""


def is_free(port: int, listen: str = "127.0.0.1") -> bool:
    """Say whether a daemon could bind the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen, port))
        except OSError:
            return False
    return True


def in_block(base: int) -> dict[str, int]:
    """Return the ports of the block that begins at base."""
    return {name: base + offset for offset, name in enumerate(BLOCK_ORDER)}


def choose(
    name: str, *, is_default: bool, base: int | None, reserved: AbstractSet[int], listen: str
) -> dict[str, int]:
    """Return a new cloud's ports, all free now. reserved are the ports of the other clouds.

    Raises CloudError that names the port that is taken.
    """
    if base is not None or is_default:
        ports = in_block(base) if base is not None else dict(STANDARD_PORTS)
        require_free(ports, listen)
        return ports
    bases = range(FIRST_BASE, LAST_BASE + 1, BLOCK_SIZE)
    # Begin where the name says: clouds that are made at the same time do not meet.
    first = zlib.crc32(name.encode()) % len(bases)
    for candidate in (*bases[first:], *bases[:first]):
        ports = in_block(candidate)
        if reserved.isdisjoint(ports.values()) and all(
            is_free(port, listen) for port in ports.values()
        ):
            return ports
    raise CloudError("There is no free block of ports; give one with --port-base.")


def require_free(ports: Mapping[str, int], listen: str) -> None:
    """Raise CloudError that names the first port that is taken."""
    for service, port in ports.items():
        if not is_free(port, listen):
            raise CloudError(
                f"Port {port}, which {service} needs, is taken; stop what listens there, or give"
                " this cloud other ports with --port-base."
            )


def any_free(count: int) -> list[int]:
    """Return so many different free ports on the loopback interface, as the kernel picks them."""
    with contextlib.ExitStack() as held:
        ports = []
        for _ in range(count):
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
        return ports


def listening(ports: Iterable[int], host: str = "127.0.0.1") -> list[int]:
    """Return those of the ports at which something listens."""
    return [port for port in ports if not is_free(port, host)]
