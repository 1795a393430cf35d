"""Filters that a request's own words decide: hints, the image, the flavor's extra specs."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from oslo_config import cfg

from devstack_lite.objects.compute import ScheduleRequest
from services.scheduler.extra_specs import matches
from services.scheduler.hosts import HostTable, Mask
from services.scheduler.one_host import HostState, OneHostFilter


def uuids_in(hint: Any) -> list[str]:
    """Return the uuids of a hint that may be one or a list of them."""
    found = [hint] if isinstance(hint, str) else list(hint or ())
    return [str(one) for one in found]


class DifferentHostFilter:
    """Passes hosts that have none of the instances that the hint different_host names."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where none of them is."""
        return ~_hosts_of(table, request.boot.scheduler_hints.get("different_host"))


class SameHostFilter:
    """Passes hosts that have one of the instances that the hint same_host names."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where one of them is; everywhere without the hint."""
        wanted = request.boot.scheduler_hints.get("same_host")
        return _hosts_of(table, wanted) if wanted else np.ones(len(table), dtype=bool)


def _hosts_of(table: HostTable, hint: Any) -> Mask:
    on = {table.named[uuid] for uuid in uuids_in(hint) if uuid in table.named}
    return np.array([host in on for host in table.hosts], dtype=bool)


class IsolatedHostsFilter:
    """Keeps isolated_images on isolated_hosts, and others off them where that is restricted."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the image may be."""
        own = cfg.CONF.scheduler
        isolated = set(own.isolated_hosts)
        on_isolated: Mask = np.array([host in isolated for host in table.hosts], dtype=bool)
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
            values = table.figure(rest if mark else key)
            if values is None and not mark:
                continue  # As in Nova: it may be another filter's.
            if values is None:
                return np.zeros(len(table), dtype=bool)
            kinds, where = np.unique(values.astype(str), return_inverse=True)
            answers = [matches(value, str(wanted)) for value in kinds]
            found &= np.array(answers, dtype=bool)[where]
        return found

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return what the flavor wants."""
        specs = request.boot.flavor.extra_specs
        return f"the flavor wants {', '.join(f'{key} {value}' for key, value in specs.items())}"


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


class JsonFilter(OneHostFilter):
    """Passes nodes for which the hint `query`, an expression in JSON, is true.

    `["and", [">=", "$free_ram_mb", 1024], ["in", "$host", "host1", "host2"]]`, with =, <, >, <=,
    >=, in, not, or, and; a string that begins with $ is a figure of the node.
    """

    def host_passes(self, host_state: HostState, request: ScheduleRequest) -> bool:
        """Say whether it is true of one node; without a query it is."""
        query = request.boot.scheduler_hints.get("query")
        if not query:
            return True
        result = self._evaluate(json.loads(query) if isinstance(query, str) else query, host_state)
        return any(result) if isinstance(result, list) else bool(result)

    def _evaluate(self, query: Sequence[Any], host: HostState) -> Any:
        if not query:
            return True
        values = [self._value(one, host) for one in query[1:]]
        values = [value for value in values if value is not None]
        match query[0]:
            case "not":
                return [not value for value in values]
            case "or":
                return any(values)
            case "and":
                return all(values)
            case "in":
                return len(values) > 1 and values[0] in values[1:]
            case name if name in _COMPARE:
                compare = _COMPARE[name]
                return len(values) > 1 and all(compare(values[0], one) for one in values[1:])
        raise ValueError(f"{query[0]} is no operator of a query")

    def _value(self, part: Any, host: HostState) -> Any:
        if isinstance(part, list):
            return self._evaluate(part, host)
        if isinstance(part, str) and part.startswith("$"):
            return host.get(part[1:])
        return part
