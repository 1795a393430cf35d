"""Filters over the metadata of the aggregates that a host is in; names and rules are Nova's.

Each is asked once per set of aggregates, of which there are few, and not once per host.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
from oslo_config import cfg

from devstack_lite.objects.compute import Aggregate, ScheduleRequest
from services.scheduler.extra_specs import matches
from services.scheduler.hosts import Column, HostTable, Mask
from services.scheduler.image_properties import known_properties

_NOTHING = ("", "False", "0")
"""What Nova takes for no property at all, whatever the aggregate says."""
SCOPE = "aggregate_instance_extra_specs"


def metadata_of(aggregates: Iterable[Aggregate]) -> dict[str, set[str]]:
    """Return what aggregates say together: per key the values, a comma between two of one."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in aggregates:
        for key, value in one.metadata.items():
            found[key].update(part.strip() for part in str(value).split(","))
    return dict(found)


def least_of(
    aggregates: Iterable[Aggregate], key: str, default: float, cast: Callable[[str], float]
) -> float:
    """Return the least number that aggregates give for a key; default when one gives none."""
    values = [str(one.metadata[key]) for one in aggregates if key in one.metadata]
    try:
        return min((cast(value) for value in values), default=default)
    except ValueError:
        return default


def per_row(
    table: HostTable, key: str, default: float, cast: Callable[[str], float] = float
) -> Column:
    """Return for each row the least number that its aggregates give for a key, or default."""
    least = [least_of(own, key, default, cast) for own in table.aggregate_sets]
    return np.array(least, dtype=float)[table.set_of]


class _AggregateFilter:
    """Asks `passes` once per set of aggregates."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the host's aggregates let the instance be."""
        answers = [self.passes(metadata_of(own), request) for own in table.aggregate_sets]
        return np.array(answers, dtype=bool)[table.set_of]

    def passes(self, metadata: dict[str, set[str]], request: ScheduleRequest) -> bool:
        """Say whether hosts whose aggregates say this pass."""
        raise NotImplementedError


class AggregateInstanceExtraSpecsFilter(_AggregateFilter):
    """Passes hosts whose aggregates say what the flavor's extra specs ask for.

    Keys without a scope or in the scope aggregate_instance_extra_specs count; values may have
    operators (`s==`, `<in>`, `<or>`, `>=` and so on).
    """

    def passes(self, metadata: dict[str, set[str]], request: ScheduleRequest) -> bool:
        """Say whether each key is there with a value that matches."""
        for key, wanted in request.boot.flavor.extra_specs.items():
            scope, mark, rest = key.partition(":")
            if mark and scope != SCOPE:
                continue
            own = metadata.get(rest if mark else key, set())
            if not any(matches(value, str(wanted)) for value in own):
                return False
        return True


class AggregateMultiTenancyIsolation(_AggregateFilter):
    """Passes hosts of aggregates with filter_tenant_id… only for the projects that it names."""

    def passes(self, metadata: dict[str, set[str]], request: ScheduleRequest) -> bool:
        """Say whether the project is among them, or none is named."""
        named = [values for key, values in metadata.items() if key.startswith("filter_tenant_id")]
        return not named or any(request.project_id in values for values in named)


class AggregateImagePropertiesIsolation(_AggregateFilter):
    """Passes hosts whose aggregates' metadata does not contradict the image's properties."""

    def passes(self, metadata: dict[str, set[str]], request: ScheduleRequest) -> bool:
        """Say whether each property that both have is the same."""
        own = cfg.CONF.filter_scheduler
        namespace = own.aggregate_image_properties_isolation_namespace
        prefix = f"{namespace}{own.aggregate_image_properties_isolation_separator}"
        properties = known_properties(request.boot.image_properties)
        return all(
            properties.get(key, "") in _NOTHING or properties[key] in values
            for key, values in metadata.items()
            if not namespace or key.startswith(prefix)
        )


class AggregateTypeAffinityFilter(_AggregateFilter):
    """Passes hosts whose aggregates name the flavor in instance_type, or name none."""

    def passes(self, metadata: dict[str, set[str]], request: ScheduleRequest) -> bool:
        """Say whether the flavor is among them."""
        named = metadata.get("instance_type")
        return named is None or request.boot.flavor.name in named


class NumInstancesFilter:
    """Passes nodes with fewer instances than max_instances_per_host."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where one more is allowed."""
        most = cfg.CONF.filter_scheduler.max_instances_per_host
        return np.asarray(table.columns["instances"] < most)


class AggregateNumInstancesFilter:
    """Does so with the least max_instances_per_host of the host's aggregates."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where one more is allowed."""
        most = cfg.CONF.filter_scheduler.max_instances_per_host
        allowed = per_row(table, "max_instances_per_host", most, int)
        return np.asarray(table.columns["instances"] < allowed)


class IoOpsFilter:
    """Passes nodes with fewer builds under way than max_io_ops_per_host."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where one more is allowed."""
        return np.asarray(table.columns["io_ops"] < cfg.CONF.filter_scheduler.max_io_ops_per_host)


class AggregateIoOpsFilter:
    """Does so with the least max_io_ops_per_host of the host's aggregates."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where one more is allowed."""
        most = cfg.CONF.filter_scheduler.max_io_ops_per_host
        return np.asarray(
            table.columns["io_ops"] < per_row(table, "max_io_ops_per_host", most, int)
        )
