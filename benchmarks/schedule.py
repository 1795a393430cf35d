"""Measures one decision of the scheduler, without processes: filter, weigh, choose.

Tables of 1,000, 10,000 and 100,000 nodes, the filters and weighers of the default configuration,
one instance per decision; medians over many. Requests of three kinds: plain; of an anti-affinity
group with members on five hosts; with two capability specs, a forbidden trait and an image that
names its architecture. Where the nova package is installed, those of its own
filter and weigher classes that need no database do the same on as many hosts beside it: fewer
filters than ours, so that the ratio is rather too small.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from oslo_config import cfg

from benchmarks.measuring import machine
from devstack_lite import conf as options
from devstack_lite.db.server_groups import Placement
from devstack_lite.objects.compute import BootRequest, ComputeNode, Flavor, ScheduleRequest
from services.scheduler.decide import load_scheduler
from services.scheduler.hosts import HostTable

SUMMARY = "Measure one decision of the scheduler over tables of different sizes."
SIZES = (1_000, 10_000, 100_000)
PROMISED_MS = {1_000: 1.0, 10_000: 2.0, 100_000: 20.0}
NOVA_SIZE = 10_000
HOSTS = 2_000
"""Compute services at most, however many nodes."""
FLAVOR = Flavor(id="1", name="m1.tiny", vcpus=1, memory_mb=512, root_gb=1)


def node_of(number: int) -> ComputeNode:
    """Return a node; they differ in what they have left."""
    name = f"node-{number}"
    return ComputeNode(
        id=name, host=f"host-{number % HOSTS}", hypervisor_hostname=name, vcpus=10_000,
        memory_mb=10_000_000, disk_gb=100_000, memory_mb_used=number % 977,
        vcpus_used=number % 13,
    )  # fmt: skip


def median_ms(act: Callable[[], Any], times: int) -> tuple[float, float]:
    """Return the median and the 95th percentile of so many calls, in milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


def requests() -> dict[str, ScheduleRequest]:
    """Return a request of each kind."""
    plain = BootRequest(name="x", flavor=FLAVOR, image_ref="image")
    specs = {
        "capabilities:hypervisor_type": "<in> QE", "capabilities:vcpus_total": ">= 4",
        "trait:HW_SLOW": "forbidden",
    }  # fmt: skip
    choosy = replace(
        plain, flavor=replace(FLAVOR, extra_specs=specs),
        image_properties={"hw_architecture": "x86_64"},
    )  # fmt: skip
    return {
        "plain": ScheduleRequest(boot=plain),
        "group": ScheduleRequest(boot=replace(plain, scheduler_hints={"group": "g"})),
        "specs": ScheduleRequest(boot=choosy),
    }


def measure_ours(size: int, kind: str, times: int) -> tuple[float, float]:
    """Return what a decision over size nodes takes."""
    conf = options.register(cfg.CONF)
    conf([], project="devstack-lite", default_config_files=[])
    scheduler = load_scheduler(conf)
    table = HostTable()
    table.load([node_of(number) for number in range(size)])
    request = requests()[kind]
    if kind == "group":
        members = Counter({f"host-{number}": 1 for number in range(5)})
        table.group = Placement(
            group_id="g", policy="anti-affinity", max_server_per_host=times, members_on=members
        )
    return median_ms(lambda: scheduler.decide(table, request, 1), times)


def measure_nova(size: int, times: int) -> tuple[float, float]:
    """Return what Nova's classes take for the same, on as many host states."""
    import nova.conf  # type: ignore[import-not-found]
    from nova.scheduler.filters import (  # type: ignore[import-not-found]
        affinity_filter,
        compute_capabilities_filter,
    )
    from nova.scheduler.weights import (  # type: ignore[import-not-found]
        affinity,
        cpu,
        disk,
        io_ops,
        ram,
    )
    from nova.weights import BaseWeightHandler  # type: ignore[import-not-found]

    nova.conf.CONF([], project="nova", default_config_files=[])
    filters = [
        compute_capabilities_filter.ComputeCapabilitiesFilter(),
        affinity_filter.ServerGroupAntiAffinityFilter(),
        affinity_filter.ServerGroupAffinityFilter(),
    ]
    weighers = [
        ram.RAMWeigher(), cpu.CPUWeigher(), disk.DiskWeigher(), io_ops.IoOpsWeigher(),
        affinity.ServerGroupSoftAffinityWeigher(), affinity.ServerGroupSoftAntiAffinityWeigher(),
    ]  # fmt: skip
    handler = BaseWeightHandler.__new__(BaseWeightHandler)
    states = [_state(node_of(number)) for number in range(size)]
    flavor = _NovaObject(name=FLAVOR.name, extra_specs={})
    spec = _NovaObject(flavor=flavor, instance_group=None, instance_uuid="new")

    def decide() -> Any:
        left = states
        for one in filters:
            left = list(one.filter_all(left, spec))
        return handler.get_weighed_objects(weighers, left, spec)[0]

    return median_ms(decide, times)


class _NovaObject(SimpleNamespace):
    def __contains__(self, name: str) -> bool:
        return hasattr(self, name)


def _state(node: ComputeNode) -> Any:
    return SimpleNamespace(
        host=node.host, nodename=node.hypervisor_hostname, aggregates=[], instances={},
        num_io_ops=0, vcpus_total=node.vcpus, vcpus_used=node.vcpus_used,
        cpu_allocation_ratio=1.0, free_ram_mb=node.memory_mb - node.memory_mb_used,
        free_disk_mb=node.disk_gb * 1024, stats={},
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.schedule", description=SUMMARY)
    parser.add_argument("--times", type=int, default=1000, help="decisions per size [1000]")
    parser.add_argument("--json", "--out", dest="out", type=Path, default=Path("out/schedule.json"))
    wanted = parser.parse_args()
    figures: dict[str, Any] = {"machine": machine(), "ms": {}}
    print(f"{'nodes':>9} {'request':>8} {'median ms':>10} {'95 % ms':>10} {'promised':>9}")
    for size in SIZES:
        figures["ms"][str(size)] = {}
        for kind in requests():
            middle, high = measure_ours(size, kind, wanted.times)
            figures["ms"][str(size)][kind] = {"median": middle, "p95": high}
            verdict = "kept" if middle <= PROMISED_MS[size] else "NOT KEPT"
            print(
                f"{size:>9,} {kind:>8} {middle:>10.3f} {high:>10.3f} {PROMISED_MS[size]:>6.0f} ms"
                f"  {verdict}"
            )
    if importlib.util.find_spec("nova") is None:
        print("\nNova's own classes: the nova package is not installed here.")
    else:
        # In a process of its own: both have options of the same names on the one cfg.CONF.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            middle, high = pool.apply(measure_nova, (NOVA_SIZE, max(5, wanted.times // 50)))
        figures["nova"] = {"nodes": NOVA_SIZE, "median": middle, "p95": high}
        ratio = middle / figures["ms"][str(NOVA_SIZE)]["plain"]["median"]
        print(f"\nNova's own classes at {NOVA_SIZE:,}: {middle:.1f} ms, {ratio:.0f} times as long.")
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    wanted.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"All figures are in {wanted.out}.")


if __name__ == "__main__":
    main()
