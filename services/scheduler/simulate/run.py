"""One replay: VMs come and go in event time, and the scheduler's own code decides about each.

At one moment, those that go make room for those that come. A VM that finds no node is refused and
not tried again. Time is looked at in equal steps from the first arrival to the last.
"""

from __future__ import annotations

import heapq
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from devstack_lite.objects.compute import BootRequest, Flavor, ScheduleRequest
from devstack_lite.objects.resources import Resources
from services.scheduler.decide import Decision, Scheduler
from services.scheduler.hosts import HostTable, Mask
from services.scheduler.simulate.trace import Vm

SAMPLES = 400
"""More than a picture's pixels would not be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How the cloud is at one moment. Shares are of what all nodes have, ratios counted in."""

    time_s: float
    """Since the first arrival."""
    instances: int
    refused: int
    """Until then."""
    nodes_used: int
    vcpus_used: float
    memory_used: float
    vcpus_fragmented: float
    """Of the free VCPUs, the share on nodes that cannot take a median VM."""
    memory_stranded: float
    """Memory that is free on nodes that have too few VCPUs left for a median VM."""
    vcpus_stranded: float
    """VCPUs that are free on nodes that have too little memory left for a median VM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What became of one VM: its node, or the filter that refused the last nodes left to it."""

    vm: Vm
    node: str | None = None
    refused_by: str = ""


@dataclass(slots=True, kw_only=True)
class Replay:
    """All that happened."""

    name: str
    placements: list[Placement] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    @property
    def refusals(self) -> Counter[str]:
        """How many each filter refused."""
        return Counter(one.refused_by for one in self.placements if one.node is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Median:
    """A VM of median cores, median memory and median disk, each taken by itself."""

    vcpus: float
    memory_mb: float
    disk_gb: float

    @classmethod
    def of(cls, vms: Sequence[Vm]) -> Median:
        """Return that of a trace."""
        return cls(
            vcpus=statistics.median(vm.cores for vm in vms),
            memory_mb=statistics.median(vm.memory_mb for vm in vms),
            disk_gb=statistics.median(vm.disk_gb for vm in vms),
        )


class Cloud:
    """The host table, and what will happen in it: builds that end, VMs that go."""

    def __init__(self, table: HostTable, *, build_s: float = 0.0) -> None:
        self.table = table
        self.instances = 0
        self._build_s = build_s
        self._ends: list[tuple[float, int, int, Resources | None]] = []
        self._number = 0

    def place(self, row: int, vm: Vm, taken: Resources) -> None:
        """Note when the build of a VM that was just placed ends, and when it goes."""
        self.instances += 1
        build_s = self._build_s
        if vm.lifetime_s is not None:
            build_s = min(build_s, vm.lifetime_s)
            self._push(vm.arrival_s + vm.lifetime_s, row, taken)
        self._push(vm.arrival_s + build_s, row, None)

    def advance(self, time_s: float) -> None:
        """Have everything happen that is due by then."""
        while self._ends and self._ends[0][0] <= time_s:
            _, _, row, taken = heapq.heappop(self._ends)
            if taken is None:
                self.table.finish_build(row)
            else:
                self.table.release(row, taken)
                self.instances -= 1

    def _push(self, time_s: float, row: int, taken: Resources | None) -> None:
        self._number += 1
        heapq.heappush(self._ends, (time_s, self._number, row, taken))


def replay(
    name: str,
    scheduler: Scheduler,
    table: HostTable,
    vms: Sequence[Vm],
    *,
    build_s: float = 0.0,
    samples: int = SAMPLES,
    on_vm: Callable[[], None] = lambda: None,
) -> Replay:
    """Replay VMs, in the order of their arrival, on a table that is changed by it.

    build_s: for how long a build counts as under way on its node (IoOpsWeigher, IoOpsFilter).
    on_vm: called after each.
    """
    cloud, done, median = Cloud(table, build_s=build_s), Replay(name=name), Median.of(vms)
    requests: dict[tuple[int, int, int], ScheduleRequest] = {}
    start_s, end_s = vms[0].arrival_s, vms[-1].arrival_s
    moments = iter(np.linspace(start_s, end_s, samples + 1)[1:].tolist())
    due_s = next(moments)
    refused = 0
    for vm in vms:
        while vm.arrival_s > due_s:
            cloud.advance(due_s)
            done.samples.append(sample(cloud, median, due_s - start_s, refused))
            due_s = next(moments)
        cloud.advance(vm.arrival_s)
        size = (vm.cores, vm.memory_mb, vm.disk_gb)
        request = requests.setdefault(size, _request_for(vm))
        decision = scheduler.decide(table, request, 1)
        if decision.selections:
            selection = decision.selections[0]
            cloud.place(selection.row, vm, request.boot.resources)
            done.placements.append(Placement(vm=vm, node=selection.node))
        else:
            refused += 1
            done.placements.append(Placement(vm=vm, refused_by=_refuser(decision)))
        on_vm()
    cloud.advance(end_s)
    done.samples.append(sample(cloud, median, end_s - start_s, refused))
    return done


def sample(cloud: Cloud, median: Median, time_s: float, refused: int) -> Sample:
    """Return how the cloud is now."""
    table = cloud.table
    vcpus, memory = table.free("vcpus"), table.free("memory_mb")
    lacks_vcpus: Mask = vcpus < median.vcpus
    lacks_memory: Mask = memory < median.memory_mb
    lacks_any = lacks_vcpus | lacks_memory | (table.free("disk_gb") < median.disk_gb)
    vcpus_total = float(table.columns["vcpus_total"].sum())
    memory_total = float(table.columns["memory_mb_total"].sum())
    free = float(vcpus.sum())
    return Sample(
        time_s=time_s,
        instances=cloud.instances,
        refused=refused,
        nodes_used=int(np.count_nonzero(table.columns["instances"])),
        vcpus_used=_share(vcpus_total - free, vcpus_total),
        memory_used=_share(memory_total - float(memory.sum()), memory_total),
        vcpus_fragmented=_share(float(vcpus[lacks_any].sum()), free),
        memory_stranded=_share(float(memory[lacks_vcpus].sum()), memory_total),
        vcpus_stranded=_share(float(vcpus[lacks_memory].sum()), vcpus_total),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _request_for(vm: Vm) -> ScheduleRequest:
    flavor = Flavor(
        id="trace", name=f"{vm.cores}-{vm.memory_mb}-{vm.disk_gb}", vcpus=vm.cores,
        memory_mb=vm.memory_mb, root_gb=vm.disk_gb,
    )  # fmt: skip
    return ScheduleRequest(boot=BootRequest(name="trace", flavor=flavor, image_ref=""))


def _refuser(decision: Decision) -> str:
    return decision.counts[-1].name if decision.counts else "no nodes"
