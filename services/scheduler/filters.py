"""Filters: each says which hosts may take an instance, as a mask over the table.

Loaded by name from the entry points devstack_lite.scheduler.filters, in the order of the option
enabled_filters. Names and rules are Nova's.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from devstack_lite.objects.compute import GroupPolicy, ScheduleRequest
from services.scheduler.hosts import HostTable, Mask

SHOWN = 5
"""Names in a reason, at most."""


class Filter(Protocol):
    """What an entry point must name: a class that is made without arguments.

    One that has `explain(table, request, rejected) -> str`, too, says what it wanted and what the
    rejected rows have; it is asked once per request.
    """

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return True for each row that may take the instance."""


class AllHostsFilter:
    """Passes everything."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return True throughout."""
        return np.ones(len(table), dtype=bool)


class ComputeFilter:
    """Passes hosts whose compute service is up and enabled."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the service is up and enabled."""
        return table.is_up & table.is_enabled

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return how many are down, and how many disabled."""
        down = int((rejected & ~table.is_up).sum())
        disabled = int((rejected & table.is_up & ~table.is_enabled).sum())
        parts = (f"{down} down" if down else "", f"{disabled} disabled" if disabled else "")
        return ", ".join(part for part in parts if part)


class AvailabilityZoneFilter:
    """Passes hosts in the zone that the request names; any host when it names none."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the zone fits."""
        zone = request.boot.availability_zone
        if zone is None:
            return np.ones(len(table), dtype=bool)
        return table.labels["availability_zone"].among([zone])

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return the zone that was asked for, and the zones there are."""
        wanted = request.boot.availability_zone
        zones = names_of(table, "availability_zone", rejected)
        return f"wants zone {wanted}; they are in {zones}"


class _GroupFilter:
    policy: GroupPolicy

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the group of the instance, if it has one, lets it be."""
        group = table.group
        if group is None or group.policy != self.policy:
            return np.ones(len(table), dtype=bool)
        # Only the members' hosts are asked about: all others are alike.
        allowed = table.hosts.among([host for host in group.members_on if group.allows(host)])
        if group.allows(""):
            allowed |= ~table.hosts.among(group.members_on)
        return allowed

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return where the others of the group are."""
        group = table.group
        on = sorted(+group.members_on) if group is not None else []
        more = f" and {len(on) - SHOWN} more" if len(on) > SHOWN else ""
        return f"its group's policy is {self.policy}; members are on {', '.join(on[:SHOWN])}{more}"


class ServerGroupAffinityFilter(_GroupFilter):
    """Passes the host that the group's other members are on; any host for the first."""

    policy = GroupPolicy.AFFINITY


class ServerGroupAntiAffinityFilter(_GroupFilter):
    """Passes hosts with fewer members of the group than its policy allows on one."""

    policy = GroupPolicy.ANTI_AFFINITY


class VCPUFilter:
    """Passes hosts with enough virtual CPUs left, the allocation ratio counted in."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the flavor's vcpus fit."""
        return table.free("vcpus") >= request.boot.flavor.vcpus

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return what is wanted, and what is left."""
        return f"wants {request.boot.flavor.vcpus} VCPU; {_left(table, 'vcpus', rejected)}"


class RamFilter:
    """Passes hosts with enough memory left, ratio and reserve counted in."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the flavor's memory fits."""
        return table.free("memory_mb") >= request.boot.flavor.memory_mb

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return what is wanted, and what is left."""
        wanted = request.boot.flavor.memory_mb
        return f"wants {wanted} MiB of memory; {_left(table, 'memory_mb', rejected)}"


class DiskFilter:
    """Passes hosts with enough disk left for root, ephemeral and swap."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the flavor's disks fit."""
        return table.free("disk_gb") >= request.boot.flavor.disk_gb

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return what is wanted, and what is left."""
        return (
            f"wants {request.boot.flavor.disk_gb} GiB of disk; {_left(table, 'disk_gb', rejected)}"
        )


def _left(table: HostTable, resource: str, rejected: Mask) -> str:
    free = table.free(resource)[rejected]
    low, high = float(free.min()), float(free.max())
    amount = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"they have {amount} left"


def names_of(table: HostTable, label: str, rejected: Mask) -> str:
    """Return what rows have of a label, for a reason: the first few, and how many more."""
    names = sorted(str(name) for name in table.labels[label].found(rejected))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
