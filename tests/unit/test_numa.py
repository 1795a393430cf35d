"""NUMA cells: what a guest wants, where it fits, and what that takes.

Nova's answers are compared in tests/differential.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.exceptions import Invalid
from devstack_lite.numa.cpus import format_cpus, parse_cpus
from devstack_lite.numa.fit import Limits, _Trial, fit
from devstack_lite.numa.guest import GuestTopology, Placed, read_guest, write_guest
from devstack_lite.numa.host import HostCell, Pages, read_cells, write_cells
from devstack_lite.numa.use import Use
from devstack_lite.numa.wanted import wanted_topology
from devstack_lite.objects.compute import Flavor, ScheduleRequest
from services.scheduler import numa_filter
from services.scheduler.decide import Scheduler
from services.scheduler.hosts import HostTable
from services.scheduler.numa_filter import NUMATopologyFilter
from tests.unit.conftest import make_boot, make_node


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    """The filter reads its option where every daemon has it."""
    options.register(cfg.CONF)
    cfg.CONF([], project="devstack-lite", default_config_files=[])
    yield
    cfg.CONF.reset()


LIMITS = Limits(cpu_allocation_ratio=4.0)


def cell(number: int, **more: Any) -> HostCell:
    """Return a cell of two cores with two threads each, and 1 GiB."""
    cpus = range(number * 4, number * 4 + 4)
    values: dict[str, Any] = {
        "id": number, "cpuset": frozenset(cpus), "pcpuset": frozenset(cpus), "memory_mb": 1024,
        "siblings": (frozenset(cpus[:2]), frozenset(cpus[2:])),
        "pages": (Pages(size_kb=4, total=131072), Pages(size_kb=2048, total=256)), **more,
    }  # fmt: skip
    return HostCell(**values)


CELLS = (cell(0), cell(1))
NODE_CELLS = write_cells(CELLS)


def flavor(vcpus: int = 2, memory_mb: int = 512, **specs: str) -> Flavor:
    return Flavor(
        id="n", name="numa", vcpus=vcpus, memory_mb=memory_mb, root_gb=1,
        extra_specs={f"hw:{key}": value for key, value in specs.items()},
    )  # fmt: skip


def topology(vcpus: int = 2, memory_mb: int = 512, **specs: str) -> GuestTopology:
    found = wanted_topology(flavor(vcpus, memory_mb, **specs), {})
    assert found is not None
    return found


def places(guest: GuestTopology | None) -> list[Placed]:
    assert guest is not None
    return [one.placed for one in guest.cells if one.placed is not None]


def test_cpus_are_written_as_they_are_read() -> None:
    assert parse_cpus("0-3, ^2,8") == {0, 1, 3, 8}
    assert format_cpus({8, 0, 1, 3}) == "0-1,3,8"
    with pytest.raises(Invalid, match="Invalid range expression '3-1'"):
        parse_cpus("3-1")
    assert max(parse_cpus("65535")) == 65535
    for text in ("0-3000000000", "65536", "^65536"):
        with pytest.raises(Invalid, match="the greatest is 65535"):
            parse_cpus(text)


def test_cells_and_guests_are_written_as_they_are_read() -> None:
    cells = (cell(0, siblings=tuple(frozenset({cpu}) for cpu in range(4))), cell(1))
    assert read_cells(write_cells(cells)) == cells
    guest = fit(CELLS, topology(cpu_policy="dedicated", mem_page_size="large"), LIMITS)
    assert guest is not None
    assert read_guest(write_guest(guest)) == guest


def test_who_asks_for_nothing_leaves_cells_to_the_node() -> None:
    """A flavor or an image that says something else of hw: does not make a topology, either."""
    assert wanted_topology(flavor(), {"os_type": "linux"}) is None
    assert wanted_topology(flavor(rng_allowed="true"), {"hw_disk_bus": "scsi"}) is None


def test_cells_are_alike_or_by_hand() -> None:
    assert [(one.cpuset, one.memory_mb) for one in topology(numa_nodes="2").cells] == [
        ({0}, 256), ({1}, 256),
    ]  # fmt: skip
    by_hand = {"numa_nodes": "2", "numa_cpus.0": "0", "numa_cpus.1": "1,2",
               "numa_mem.0": "100", "numa_mem.1": "412"}  # fmt: skip
    assert [(one.cpuset, one.memory_mb) for one in topology(3, **by_hand).cells] == [
        ({0}, 100), ({1, 2}, 412),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("specs", "properties", "message"),
    [
        ({"numa_nodes": "0"}, {}, "The property 'numa_nodes' cannot be '0'"),
        ({"numa_nodes": "3"}, {}, "cannot be evenly distributed"),
        ({"numa_nodes": "1"}, {"hw_numa_nodes": "2"}, "'hw_numa_nodes' is not permitted"),
        ({"cpu_policy": "own"}, {}, "from 'flavor extra specs' is invalid, given: 'own'"),
        ({"cpu_policy": "shared"}, {"hw_cpu_policy": "dedicated"}, "'hw_cpu_policy' is not"),
        ({"cpu_thread_policy": "require"}, {}, "in a non dedicated cpu pinning policy"),
        ({"mem_page_size": "2X"}, {}, "Invalid memory page size '2X'"),
        ({}, {"hw_mem_page_size": "large"}, "Page size large forbidden against '<empty>'"),
        ({"cpu_policy": "mixed"}, {}, "Dedicated CPU set can be specified from either"),
        ({"numa_nodes": "1", "numa_cpus.0": "0-1"}, {}, "must be provided for all NUMA nodes"),
    ],
)
def test_what_contradicts_itself_is_refused(
    specs: dict[str, str], properties: dict[str, str], message: str
) -> None:
    with pytest.raises(Invalid) as refused:
        wanted_topology(flavor(**specs), properties)
    assert message in refused.value.message


def test_each_guest_cell_has_a_cell_of_its_own() -> None:
    assert [place.host_cell for place in places(fit(CELLS, topology(numa_nodes="2"), LIMITS))] == [
        0, 1,
    ]  # fmt: skip
    assert fit(CELLS[:1], topology(numa_nodes="2"), LIMITS) is None


def test_one_cell_goes_where_most_is_free_unless_they_are_packed() -> None:
    used = (replace(CELLS[0], cpu_usage=1), CELLS[1])
    (spread,) = places(fit(used, topology(numa_nodes="1"), LIMITS))
    (packed,) = places(fit(used, topology(numa_nodes="1"), replace(LIMITS, is_packing=True)))
    assert (spread.host_cell, packed.host_cell) == (1, 0)


@pytest.mark.parametrize("tall", [(5000,), (900, 900)])
def test_what_fits_nowhere_is_found_out_soon(
    tall: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten cells may stand in 3.6 million orders; one that has no place, or two that have one."""
    memory = [64] * (10 - len(tall)) + list(tall)
    host = [cell(number, memory_mb=512, pages=()) for number in range(9)]
    by_hand = {f"numa_cpus.{number}": str(number) for number in range(10)}
    by_hand |= {f"numa_mem.{number}": str(own) for number, own in enumerate(memory)}
    wanted = topology(10, sum(memory), numa_nodes="10", **by_hand)
    tried = 0

    def place(self: Any, cells: Any, placed: Any) -> Any:
        nonlocal tried
        tried += 1
        return really(self, cells, placed)

    really = _Trial.place
    monkeypatch.setattr(_Trial, "place", place)
    assert fit([*host, cell(9, pages=())], wanted, LIMITS) is None
    assert tried <= 10 * 2**10


def test_dedicated_cpus_are_threads_of_one_core() -> None:
    """Unless the cores are half taken; isolate keeps the other thread of each core idle."""
    (place,) = places(fit(CELLS[:1], topology(cpu_policy="dedicated"), LIMITS))
    assert (place.pinning, place.pinned) == ({0: 0, 1: 1}, {0, 1})
    half = (replace(CELLS[0], pinned=frozenset({0, 2})),)
    (place,) = places(fit(half, topology(cpu_policy="dedicated"), LIMITS))
    assert place.pinning == {0: 1, 1: 3}
    required = topology(cpu_policy="dedicated", cpu_thread_policy="require")
    assert fit(half, required, LIMITS) is None
    isolated = topology(cpu_policy="dedicated", cpu_thread_policy="isolate")
    (place,) = places(fit(CELLS[:1], isolated, LIMITS))
    assert (place.pinning, place.pinned) == ({0: 0, 1: 2}, {0, 1, 2, 3})
    assert fit(half, isolated, LIMITS) is None


def test_the_hypervisors_threads_may_have_a_cpu_of_their_own() -> None:
    guest = topology(cpu_policy="dedicated", emulator_threads_policy="isolate")
    (place,) = places(fit(CELLS[:1], guest, LIMITS))
    assert (place.reserved, place.pinned) == ({2}, {0, 1, 2})


def test_of_a_mixed_guest_some_cpus_float() -> None:
    guest = topology(4, cpu_policy="mixed", cpu_dedicated_mask="0-1")
    (place,) = places(fit(CELLS[:1], guest, LIMITS))
    assert (place.pinning, place.floats_on) == ({0: 0, 1: 1}, {0, 1, 2, 3})


def test_pages_are_of_the_size_that_is_wanted() -> None:
    sizes = {
        wanted: fit(CELLS[:1], topology(mem_page_size=wanted), LIMITS)
        for wanted in ("small", "large", "any", "2MB", "1GB")
    }
    assert {
        wanted: found and found.cells[0].page_size for wanted, found in sizes.items()
    } == {"small": 4, "large": 2048, "any": 2048, "2MB": 2048, "1GB": None}  # fmt: skip
    assert fit(CELLS[:1], topology(memory_mb=1024, mem_page_size="large"), LIMITS) is None


def test_what_is_added_can_be_removed() -> None:
    used, guests = Use(), []
    for specs in ({"cpu_policy": "dedicated"}, {"numa_nodes": "2"}, {"mem_page_size": "large"}):
        found = fit(used.on(CELLS), topology(memory_mb=256, **specs), LIMITS)
        assert found is not None
        used.add(found)
        guests.append(found)
    text = used.to_text()
    assert Use.of(guests).to_text() == text == Use(text).to_text()
    assert used.overlaps(guests[0])
    for guest in guests:
        used.remove(guest)
    assert used.to_text() is None


def test_the_filter_passes_nodes_with_cells_that_fit() -> None:
    """And tells what was wanted; what asks for nothing passes everywhere, cells or none."""
    table = HostTable()
    table.load([make_node("two", numa_topology=NODE_CELLS), make_node("none")])
    own = NUMATopologyFilter()
    assert own.mask(table, ScheduleRequest(boot=make_boot())).all()
    wanted = ScheduleRequest(boot=make_boot(flavor=flavor(numa_nodes="2")))
    assert own.mask(table, wanted).tolist() == [True, False]
    assert own.explain(table, wanted, ~own.mask(table, wanted)) == (
        "wants 2 NUMA cells; they have 0 NUMA cells without that much room"
    )


def test_answers_are_kept_between_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node is looked at anew once something else is taken of it, or something else is wanted."""
    table = HostTable()
    table.load([make_node("two", numa_topology=NODE_CELLS)])
    looked = []

    def fitting(*wanted: Any) -> Any:
        looked.append(wanted)
        return fit(*wanted)

    monkeypatch.setattr(numa_filter, "fit", fitting)
    numa_filter._fits.cache_clear()
    for memory_mb in (64, 64, 128, 64):
        boot = make_boot(flavor=flavor(memory_mb=memory_mb, numa_nodes="1"))
        assert NUMATopologyFilter().mask(table, ScheduleRequest(boot=boot)).all()
    assert len(looked) == 2
    table.note_numa_use(0, Use.of([one_placed()]).to_text())
    assert NUMATopologyFilter().mask(table, ScheduleRequest(boot=boot)).all()
    assert len(looked) == 3


def one_placed() -> GuestTopology:
    placed = fit(CELLS, topology(numa_nodes="1"), LIMITS)
    assert placed is not None
    return placed


def test_one_decision_takes_each_cpu_once() -> None:
    """Of eight CPUs four guests get two each; what a decision tried out is forgotten."""
    table = HostTable()
    table.load([make_node("two", numa_topology=NODE_CELLS, vcpus=8)])
    request = ScheduleRequest(boot=make_boot(flavor=flavor(memory_mb=64, cpu_policy="dedicated")))
    scheduler = Scheduler([("NUMATopologyFilter", NUMATopologyFilter())], [])
    with table.undone():
        assert len(scheduler.decide(table, request, 5).selections) == 4
    assert table.numa_used == {}
