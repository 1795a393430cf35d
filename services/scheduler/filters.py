"""Filters: each says which hosts may take an instance, as a mask over the table.

Loaded by name from the entry points devstack_lite.scheduler.filters, in the order of the option
enabled_filters. Names and rules are Nova's.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from devstack_lite.objects.compute import GroupPolicy, ScheduleRequest
from services.scheduler.hosts import HostTable, Mask


class Filter(Protocol):
    """What an entry point must name: a class that is made without arguments."""

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


class AvailabilityZoneFilter:
    """Passes hosts in the zone that the request names; any host when it names none."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the zone fits."""
        zone = request.boot.availability_zone
        if zone is None:
            return np.ones(len(table), dtype=bool)
        return np.asarray(table.zones == zone, dtype=bool)


class ImagePropertiesFilter:
    """Passes hosts whose hypervisor runs what the image says it needs (hw_architecture)."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the architecture fits."""
        properties = request.boot.image_properties
        wanted = properties.get("hw_architecture") or properties.get("architecture")
        if not wanted:
            return np.ones(len(table), dtype=bool)
        return np.asarray(table.architectures == wanted, dtype=bool)


class _GroupFilter:
    policy: GroupPolicy

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the group of the instance, if it has one, lets it be."""
        group = table.group
        if group is None or group.policy != self.policy:
            return np.ones(len(table), dtype=bool)
        return np.array([group.allows(host) for host in table.hosts], dtype=bool)


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


class RamFilter:
    """Passes hosts with enough memory left, ratio and reserve counted in."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the flavor's memory fits."""
        return table.free("memory_mb") >= request.boot.flavor.memory_mb


class DiskFilter:
    """Passes hosts with enough disk left for root, ephemeral and swap."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the flavor's disks fit."""
        return table.free("disk_gb") >= request.boot.flavor.disk_gb
