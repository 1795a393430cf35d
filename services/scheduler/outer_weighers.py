"""Weighers over what nodes report beside their room: metrics, failures, what else runs there."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from oslo_config import cfg

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import ScheduleRequest
from services.scheduler.aggregate_filters import per_row
from services.scheduler.hosts import Column, HostTable, Mask
from services.scheduler.image_properties import known_properties


def settings_of(option: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Yield name and number of each `name=number`; what is none is passed over, as in Nova."""
    for text in option:
        name, _, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            continue
        if name:
            yield name, number


class MetricsFilter:
    """Passes nodes that report every metric that the option metrics.weight_setting names."""

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where all of them are."""
        found: Mask = np.ones(len(table), dtype=bool)
        for name, _ in settings_of(cfg.CONF.metrics.weight_setting):
            found &= ~np.isnan(table.metrics.get(name, np.full(len(table), np.nan)))
        return found

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return which metrics are wanted."""
        return "wants " + ", ".join(
            name for name, _ in settings_of(cfg.CONF.metrics.weight_setting)
        )


class MetricsWeigher:
    """Adds up metrics, each times its ratio in the option metrics.weight_setting."""

    multiplier_option = "metrics_weight_multiplier"

    def multiplier(self, conf: Any) -> float:
        """Return the multiplier, which is not where the others are."""
        return float(conf.metrics.weight_multiplier)

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the sum. Raises Invalid where a metric is required and a node has it not."""
        own = cfg.CONF.metrics
        total: Column = np.zeros(len(table))
        lacking: Mask = np.zeros(len(table), dtype=bool)
        counts = per_row(table, self.multiplier_option, own.weight_multiplier) != 0
        for name, ratio in settings_of(own.weight_setting):
            values = table.metrics.get(name, np.full(len(table), np.nan))
            missing = np.isnan(values)
            if own.required and missing.any():
                raise Invalid(
                    f"Metric {name} of {table.nodes[int(missing.argmax())]} could not be found:"
                    " MetricsFilter keeps such nodes away."
                )
            # What is missing puts a node last, once anything would have counted.
            lacking |= missing & counts & (ratio != 0)
            total += np.where(missing, 0.0, values * ratio)
        return np.where(lacking, own.weight_of_unavailable, total)


class BuildFailureWeigher:
    """Avoids nodes by the builds that failed there since the last one that did not."""

    multiplier_option = "build_failure_weight_multiplier"
    sign = -1.0

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return the failures in a row."""
        return table.columns["failed_builds"]


class ImagePropertiesWeigher:
    """Prefers hosts whose instances' images have the same properties."""

    multiplier_option = "image_props_weight_multiplier"
    needs_neighbours = True

    def weigh(self, table: HostTable, request: ScheduleRequest) -> Column:
        """Return how many of its properties each host's instances have, weighed by the option."""
        own = cfg.CONF.filter_scheduler
        if own.image_props_weight_multiplier == 0.0:
            return np.zeros(len(table))
        worth = dict(settings_of(own.image_props_weight_setting))
        wanted = set(known_properties(request.boot.image_properties).items())

        def count(host: str) -> float:
            seen = table.neighbours.get(host, {})
            return sum(
                (worth.get(name, 0.0) if worth else 1.0) * seen.get((name, value), 0)
                for name, value in wanted
            )

        return table.hosts.column(count)


def neighbours_of(
    found: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, Counter[tuple[str, str]]]:
    """Count, by host, the image properties of the instances there, each as Nova would see it."""
    counted: dict[str, Counter[tuple[str, str]]] = {}
    for host, images in found.items():
        own = counted[host] = Counter()
        for properties in images:
            with contextlib.suppress(Invalid):
                own.update(known_properties(properties).items())
    return counted
