"""Filters that a request's own words decide: hints, the image, the flavor's extra specs."""

from __future__ import annotations

import ipaddress
from typing import Any

import numpy as np
from oslo_config import cfg

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import ScheduleRequest
from services.scheduler.extra_specs import NUMBERS, matches
from services.scheduler.figures import Figure, figure
from services.scheduler.filters import names_of
from services.scheduler.hosts import HostTable, Mask
from services.scheduler.labels import Labels


def uuids_in(hint: Any) -> list[str]:
    """Return the uuids of a hint that may be one or a list of them."""
    found = [hint] if isinstance(hint, str) else list(hint or ())
    return [str(one) for one in found]


class DifferentHostFilter:
    """Passes hosts that have none of the instances that the hint different_host names."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where none of them is."""
        unwanted = request.boot.scheduler_hints.get("different_host")
        return ~_hosts_of(table, unwanted) if unwanted else np.ones(len(table), dtype=bool)


class SameHostFilter:
    """Passes hosts that have one of the instances that the hint same_host names."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where one of them is; everywhere without the hint."""
        wanted = request.boot.scheduler_hints.get("same_host")
        return _hosts_of(table, wanted) if wanted else np.ones(len(table), dtype=bool)


def _hosts_of(table: HostTable, hint: Any) -> Mask:
    on = {table.named[uuid] for uuid in uuids_in(hint) if uuid in table.named}
    return table.hosts.among(on)


class IsolatedHostsFilter:
    """Keeps isolated_images on isolated_hosts, and others off them where that is restricted."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the image may be."""
        own = cfg.CONF.filter_scheduler
        on_isolated = table.hosts.among(own.isolated_hosts)
        is_restricted = own.restrict_isolated_hosts_to_isolated_images
        if not own.isolated_images:
            return ~on_isolated if is_restricted else np.ones(len(table), dtype=bool)
        is_isolated = request.boot.image_ref in own.isolated_images
        if is_isolated:
            return on_isolated
        return ~on_isolated if is_restricted else np.ones(len(table), dtype=bool)


class ComputeCapabilitiesFilter:
    """Passes nodes whose figures match the flavor's extra specs.

    Keys in the scope `capabilities` count, and those without a scope that name a figure.
    """

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where all of them match."""
        found: Mask = np.ones(len(table), dtype=bool)
        for key, wanted in request.boot.flavor.extra_specs.items():
            scope, mark, rest = key.partition(":")
            if mark and scope != "capabilities":
                continue
            values = figure(table, rest if mark else key)
            if values is None and not mark:
                continue  # As in Nova: it may be another filter's.
            if values is None:
                return np.zeros(len(table), dtype=bool)
            found &= where_matches(values, str(wanted))
        return found

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return what the flavor wants."""
        specs = request.boot.flavor.extra_specs
        return f"the flavor wants {', '.join(f'{key} {value}' for key, value in specs.items())}"


def where_matches(values: Figure, wanted: str) -> Mask:
    """Return where a figure is what an extra spec wants."""
    if isinstance(values, Labels):
        return values.where(lambda kind: matches(str(kind), wanted))
    sign, *words = wanted.split() or [""]
    if sign in NUMBERS and words:
        try:
            return np.asarray(NUMBERS[sign](values, float(words[0])))
        except ValueError:
            return np.zeros(len(values), dtype=bool)
    kinds, where = np.unique(values, return_inverse=True)
    answers = np.array([matches(str(kind), wanted) for kind in kinds], dtype=bool)
    return answers[where]


class SimpleCIDRAffinityFilter:
    """Passes hosts in the network, of the size of the hint cidr, around build_near_host_ip."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the host's address is in it; everywhere without the hint."""
        hints = request.boot.scheduler_hints
        near = hints.get("build_near_host_ip")
        if not near:
            return np.ones(len(table), dtype=bool)
        try:
            network = ipaddress.ip_network(f"{near}{hints.get('cidr', '/24')}", strict=False)
        except ValueError as error:
            raise Invalid(f"build_near_host_ip: {error}") from None
        return table.labels["host_ip"].where(lambda own: ipaddress.ip_address(own) in network)

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return where it shall be, and where they are."""
        near = request.boot.scheduler_hints.get("build_near_host_ip")
        return f"wants to be near {near}; they are at {names_of(table, 'host_ip', rejected)}"
