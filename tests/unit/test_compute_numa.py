"""NUMA cells between libvirt's XML and Nova's model: what a node has, and what a guest got."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from devstack_lite.numa.fit import Limits, fit
from devstack_lite.numa.guest import GuestTopology
from devstack_lite.numa.host import read_cells
from fake_hypervisor import libvirt
from fake_hypervisor.capacity import Capacity, capabilities_xml
from fake_hypervisor.uri import make_uri
from services.compute.domain_xml import GuestPlatform, build_domain_xml
from services.compute.guest import GuestConfig
from services.compute.host_numa import CpuSets, report_cells
from services.compute.numa_xml import with_cells
from tests.unit.test_numa import topology

TWO = Capacity(vcpus=8, memory_mb=4096, numa_cells=2, threads=2, huge_pages="2048:512")
NOBODY_SAYS = CpuSets()
KVM = GuestPlatform(domain_type="kvm", arch="x86_64")


def reported(capacity: Capacity, sets: CpuSets = NOBODY_SAYS) -> str:
    found = report_cells(capabilities_xml(capacity), sets)
    assert found is not None
    return found


def placed(guest: GuestTopology, capacity: Capacity = TWO) -> GuestTopology:
    found = fit(read_cells(reported(capacity)), guest, Limits())
    assert found is not None
    return found


def document(guest: GuestTopology) -> str:
    config = GuestConfig(
        uuid="u", name="n", node="node", vcpus=2, memory_mb=512, cells=placed(guest)
    )
    return build_domain_xml(config, KVM)


def parts(xml: str, *paths: str) -> list[dict[str, str]]:
    root = ET.fromstring(xml)
    return [element.attrib for path in paths for element in root.iterfind(path)]


def test_a_node_tells_its_cells() -> None:
    first, second = read_cells(reported(TWO))
    assert (first.cpuset, second.cpuset) == ({0, 1, 2, 3}, {4, 5, 6, 7})
    assert first.siblings == ({0, 1}, {2, 3})
    assert (first.memory_mb, [(own.size_kb, own.total) for own in first.pages]) == (
        2048, [(4, 262144), (2048, 512)],
    )  # fmt: skip


def test_a_node_has_one_cell_unless_it_is_told() -> None:
    (only,) = read_cells(reported(Capacity(vcpus=4, memory_mb=1024)))
    assert (only.cpuset, only.threads_per_core, [own.size_kb for own in only.pages]) == (
        {0, 1, 2, 3}, 1, [4],
    )  # fmt: skip


def test_shared_and_dedicated_cpus_are_set_apart() -> None:
    sets = CpuSets.of(SimpleNamespace(cpu_shared_set="0,4", cpu_dedicated_set="1-3"))
    first, second = read_cells(reported(TWO, sets))
    assert (first.cpuset, first.pcpuset, first.siblings) == ({0}, {1, 2, 3}, ({0, 1}, {2, 3}))
    assert (second.cpuset, second.pcpuset, second.siblings) == ({4}, set(), ({4},))


def test_a_hypervisor_may_have_no_cells() -> None:
    assert report_cells("<capabilities><host/></capabilities>", NOBODY_SAYS) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{vcpus: 2, numa_cells: 3}", "3 NUMA cells need at least as many CPUs, there are 2"),
        ("{huge_pages: '2048'}", "huge pages are SIZE:COUNT"),
        ("{memory_mb: 64, huge_pages: '2048:64'}", "are more than a cell's 64 MiB"),
    ],
)
def test_cells_that_do_not_add_up_are_refused(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "hosts.yaml").write_text(f"defaults: {line}\n")
    with pytest.raises(libvirt.libvirtError, match=message):
        libvirt.open(make_uri(tmp_path, "node")).getCapabilities()


def test_a_guests_document_has_its_cells() -> None:
    xml = document(topology(numa_nodes="2", mem_page_size="large"))
    assert parts(xml, "cputune/vcpupin", "cputune/emulatorpin") == [
        {"vcpu": "0", "cpuset": "0-3"}, {"vcpu": "1", "cpuset": "4-7"}, {"cpuset": "0-7"},
    ]  # fmt: skip
    assert parts(xml, "numatune/memory", "numatune/memnode") == [
        {"mode": "strict", "nodeset": "0-1"},
        {"cellid": "0", "mode": "strict", "nodeset": "0"},
        {"cellid": "1", "mode": "strict", "nodeset": "1"},
    ]
    assert parts(xml, "cpu/numa/cell")[1] == {
        "id": "1", "cpus": "1", "memory": "262144", "unit": "KiB", "memAccess": "shared",
    }  # fmt: skip
    assert parts(xml, "memoryBacking/hugepages/page") == [
        {"size": "2048", "unit": "KiB", "nodeset": str(number)} for number in range(2)
    ]


def test_dedicated_cpus_are_pinned() -> None:
    """The hypervisor's threads have a CPU of their own where that is wanted."""
    policies = {"cpu_policy": "dedicated", "emulator_threads_policy": "isolate"}
    xml = document(topology(**policies, cpu_realtime="yes"))
    assert parts(xml, "cputune/*") == [
        {"vcpu": "0", "cpuset": "0"}, {"vcpu": "1", "cpuset": "1"}, {"cpuset": "2"},
        {"vcpus": "0-1", "scheduler": "fifo", "priority": "1"},
    ]  # fmt: skip
    assert parts(xml, "memoryBacking") == []


def test_a_guest_that_moves_gets_the_cells_there() -> None:
    """All else of its document stays."""
    guest = topology(cpu_policy="dedicated")
    xml = document(guest)
    there = replace(TWO, vcpus=4, numa_cells=1)
    moved = with_cells(xml, placed(topology(cpu_policy="mixed", cpu_dedicated_mask="1"), there))
    assert parts(moved, "cputune/vcpupin") == [
        {"vcpu": "0", "cpuset": "0-3"}, {"vcpu": "1", "cpuset": "0"},
    ]  # fmt: skip
    assert with_cells(moved, placed(guest)).count("<cputune>") == 1
    assert parts(moved, "devices/*") == parts(xml, "devices/*")


def test_a_guest_that_leaves_cells_to_the_node_says_nothing_of_them() -> None:
    config = GuestConfig(uuid="u", name="n", node="node", vcpus=2, memory_mb=512)
    assert parts(build_domain_xml(config, KVM), "cputune", "numatune", "cpu") == []
