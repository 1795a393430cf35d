"""Which host CPUs a guest cell's dedicated CPUs get: whole cores first, as its policy wants.

Nova's strategy: as many threads of a core as there are, and of the cores that are free so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from devstack_lite.numa.guest import GuestCell, ThreadPolicy
from devstack_lite.numa.host import HostCell

Cores = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinning:
    """The host's CPU of each dedicated one, and those for the hypervisor's threads."""

    of: dict[int, int]
    reserved: frozenset[int] = frozenset()


def pin(
    host: HostCell, guest: GuestCell, policy: ThreadPolicy | None, *, reserve: int = 0
) -> Pinning | None:
    """Choose host CPUs for a guest cell's dedicated ones, and reserve more; None: there are none.

    prefer, and no policy, settles for threads of any cores when no cores have enough.
    """
    cores = [sorted(core & host.free_pcpus) for core in host.siblings]
    if policy is ThreadPolicy.ISOLATE:
        return _isolated(host, cores, guest, reserve)
    if policy is ThreadPolicy.REQUIRE and host.threads_per_core <= 1:
        return None
    least = 2 if policy is ThreadPolicy.REQUIRE else 1
    for threads in range(max(map(len, cores), default=0), least - 1, -1):
        found = _pinned(cores, guest, threads, reserve)
        if found is not None:
            return found
    if policy is ThreadPolicy.REQUIRE:
        return None
    return _pinned([[cpu] for cpu in chain(*cores)], guest, 1, reserve)


def _isolated(host: HostCell, cores: Cores, guest: GuestCell, reserve: int) -> Pinning | None:
    """Take one thread of whole cores, whose others are kept idle.

    Where shared and dedicated CPUs are set apart, cores have to be without threads for that.
    """
    threads = host.threads_per_core
    whole = [core for core in cores if len(core) >= threads]
    if not whole or (threads != 1 and host.pcpuset != host.cpuset) or not guest.pcpuset:
        return None
    of = _one_each([core[:1] for core in whole], guest)
    if of is None:
        return None
    taken = set(of.values())
    left = [core for core in cores if not taken.intersection(core)]
    return _with_reserved(of, sorted(left, key=len, reverse=True), reserve)


def _pinned(cores: Cores, guest: GuestCell, threads: int, reserve: int) -> Pinning | None:
    """Take so many threads of each core that has as many free."""
    of = _one_each([core[:threads] for core in cores if len(core) >= threads], guest)
    if of is None:
        return None
    taken = set(of.values())
    return _with_reserved(
        of, [[cpu for cpu in core if cpu not in taken] for core in cores], reserve
    )


def _one_each(cores: Cores, guest: GuestCell) -> dict[int, int] | None:
    usable = list(chain(*cores))
    if len(usable) < len(guest.pcpuset):
        return None
    return dict(zip(sorted(guest.pcpuset), usable, strict=False))


def _with_reserved(of: dict[int, int], left: Cores, reserve: int) -> Pinning | None:
    reserved = frozenset(list(chain(*left))[:reserve]) if of else frozenset()
    return None if reserve and not reserved else Pinning(of=of, reserved=reserved)
