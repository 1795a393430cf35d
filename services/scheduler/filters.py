"""Filters: each says which hosts may take an instance, as a mask over the table.

Loaded by name from the entry points devstack_lite.scheduler.filters, in the order of the option
enabled_filters. Names and rules are Nova's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import GroupPolicy, ScheduleRequest
from devstack_lite.objects.resources import GROUP_POLICIES, groups_of
from services.scheduler.hosts import Column, HostTable, Mask

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
        """Return where the vcpus fit."""
        return table.free("vcpus") >= request.boot.resources.vcpus

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return what is wanted, and what is left."""
        return f"wants {request.boot.resources.vcpus} VCPU; {_left(table, 'vcpus', rejected)}"


class RamFilter:
    """Passes hosts with enough memory left, ratio and reserve counted in."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the memory fits."""
        return table.free("memory_mb") >= request.boot.resources.memory_mb

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return what is wanted, and what is left."""
        wanted = request.boot.resources.memory_mb
        return f"wants {wanted} MiB of memory; {_left(table, 'memory_mb', rejected)}"


class DiskFilter:
    """Passes hosts with enough disk left for root, ephemeral and swap."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the disks fit."""
        return table.free("disk_gb") >= request.boot.resources.disk_gb

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return what is wanted, and what is left."""
        wanted = request.boot.resources.disk_gb
        return f"wants {wanted} GiB of disk; {_left(table, 'disk_gb', rejected)}"


class ResourceClassFilter:
    """Passes nodes with room for what the flavor asks for besides VCPUs, memory and disk.

    `resources:CLASS=amount` in its extra specs; Nova leaves this to placement.
    """

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where each class fits. Raises Invalid for groups that no one node can serve."""
        check_groups(request.boot.flavor.extra_specs)
        found: Mask = np.ones(len(table), dtype=bool)
        for name, amount in request.boot.resources.others.items():
            found &= table.classes.fits(name, amount)
        return found

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return which class does not fit, and what there is of it."""
        return "; ".join(
            f"wants {amount} {name}; {_lacks(table, name, amount, lacking)}"
            for name, amount in request.boot.resources.others.items()
            if (lacking := rejected & ~table.classes.fits(name, amount)).any()
        )


def check_groups(extra_specs: Mapping[str, Any]) -> None:
    """Raise Invalid for numbered groups that are to be of different providers: a node is one.

    Placement wants group_policy where there is more than one of them.
    """
    numbered = sorted(
        name for name, own in groups_of(extra_specs).items() if name and any(own.values())
    )
    if len(numbered) < 2:
        return
    policy = extra_specs.get("group_policy")
    if policy not in GROUP_POLICIES:
        raise Invalid(
            f"resources of groups {', '.join(numbered)} are wanted, and no group_policy is set"
        )
    if policy == "isolate":
        raise Invalid(
            f"resources of groups {', '.join(numbered)} are wanted of different providers"
            " (group_policy=isolate), and each node is one"
        )


def _lacks(table: HostTable, name: str, amount: int, rejected: Mask) -> str:
    """Return why nodes cannot give an amount of a class: none of it, not so many, or none left."""
    classes = table.classes
    none = rejected & ~classes.there(name)
    units = rejected & classes.there(name) & ~classes.units_fit(name, amount)
    full = rejected & classes.units_fit(name, amount)
    parts = []
    if none.any():
        parts.append(f"{_nodes(none)} none")
    if units.any():
        parts.append(f"{_nodes(units)} it, but not by {amount} at once (min_unit, max_unit, step)")
    if full.any():
        parts.append(f"{_nodes(full)} {_range(classes.free(name)[full])} left")
    return ", ".join(parts)


def _nodes(which: Mask) -> str:
    count = int(which.sum())
    return "1 node has" if count == 1 else f"{count} nodes have"


def _range(amounts: Column) -> str:
    low, high = float(amounts.min()), float(amounts.max())
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _left(table: HostTable, resource: str, rejected: Mask) -> str:
    return f"they have {_range(table.free(resource)[rejected])} left"


def names_of(table: HostTable, label: str, rejected: Mask) -> str:
    """Return what rows have of a label, for a reason: the first few, and how many more."""
    names = sorted(str(name) for name in table.labels[label].found(rejected))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
