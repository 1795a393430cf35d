"""Servers with NUMA cells on hosts that have two, as a client sees it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest

from devstack_lite.numa.host import read_cells
from tests.integration.conftest import wait_until
from tests.integration.test_lifecycle import act, domain_of
from tests.integration.test_resizes import HOST
from tests.integration.test_server_actions import refusal
from tests.integration.whole_cloud import WholeCloud, bring_up

pytestmark = pytest.mark.cloud

HOST_OPTIONS = """
[compute]
node_vcpus = 8
node_memory_mb = 8192
node_numa_cells = 2
node_threads_per_core = 2
node_huge_pages = 2048:512
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    """Give a cloud of two hosts, whose nodes have two cells of four CPUs and 1 GiB large pages."""
    with bring_up(tmp_path_factory.mktemp("numa"), "numa", "--hosts", "2") as found:
        for path in found.record.etc_dir.glob("compute*.conf"):
            path.write_text(path.read_text() + HOST_OPTIONS)
            found.command("restart", path.stem)
        wait_until(lambda: _cell_counts(found) == [2, 2], "both nodes report two cells")
        yield found


def _cell_counts(cloud: WholeCloud) -> list[int]:
    rows = cloud.rows("SELECT numa_topology FROM compute_nodes")
    return [len(read_cells(row.numa_topology)) for row in rows if row.numa_topology]


def make_flavor(cloud: WholeCloud, name: str, **specs: str) -> str:
    """Make a flavor with two CPUs, 512 MiB and extra specs that begin with hw:; return its id."""
    body = {"flavor": {"name": name, "ram": 512, "vcpus": 2, "disk": 1, "id": name}}
    assert cloud.compute("POST", "/flavors", body).status == 200
    body = {"extra_specs": {f"hw:{key}": value for key, value in specs.items()}}
    assert cloud.compute("POST", f"/flavors/{name}/os-extra_specs", body).status == 200
    return name


def topology(cloud: WholeCloud, uuid: str, token: str | None = None) -> dict[str, Any]:
    answer = cloud.compute(
        "GET", f"/servers/{uuid}/topology", token=token,
        headers={"X-OpenStack-Nova-API-Version": "2.78"},
    )  # fmt: skip
    assert answer.status == 200, answer.data
    return dict(answer.json())


def pins(cloud: WholeCloud, server: dict[str, Any]) -> list[str]:
    """Return the host CPUs of each CPU of a server's domain."""
    root = ET.fromstring(domain_of(cloud, server).XMLDesc(0))
    return [str(pin.get("cpuset")) for pin in root.iterfind("cputune/vcpupin")]


def used(cloud: WholeCloud) -> set[str | None]:
    return {row.numa_used for row in cloud.rows("SELECT numa_used FROM compute_nodes")}


def test_a_server_has_the_cells_and_pages_that_it_wants(cloud: WholeCloud) -> None:
    """In its domain and in the API, the host's part for administrators alone; then given back."""
    flavor = make_flavor(cloud, "two-cells", numa_nodes="2", mem_page_size="large")
    server = cloud.wait_for(cloud.boot("cells", flavorRef=flavor), "ACTIVE")
    assert pins(cloud, server) == ["0-3", "4-7"]
    nodes = [
        {"vcpu_set": [number], "siblings": [], "memory_mb": 256, "host_node": number,
         "cpu_pinning": {}}
        for number in range(2)
    ]  # fmt: skip
    assert topology(cloud, server["id"]) == {"nodes": nodes, "pagesize_kb": 2048}
    cloud.command("check", "--wait", "10")
    cloud.delete_all("cells")
    assert used(cloud) == {None}


def test_no_cpu_is_two_servers(cloud: WholeCloud) -> None:
    """Two hosts with eight CPUs each have room for eight servers of two: the ninth finds none."""
    flavor = make_flavor(cloud, "pinned", cpu_policy="dedicated", cpu_thread_policy="require")
    cloud.boot("pinned", flavorRef=flavor, min_count=9)
    servers = cloud.wait_for_all("pinned", 9)
    there = [server for server in servers if server["status"] == "ACTIVE"]
    taken = [(server[HOST], pin) for server in there for pin in pins(cloud, server)]
    assert len(taken) == len(set(taken)) == 16
    (refused,) = [server for server in servers if server["status"] == "ERROR"]
    assert (
        "NUMATopologyFilter refused the last 2 of 2 nodes: wants one NUMA cell, 2 dedicated"
        in (cloud.server(refused["id"])["fault"]["message"])
    )
    cloud.command("check", "--wait", "10")
    cloud.delete_all("pinned")
    assert used(cloud) == {None}


def test_a_server_that_moves_has_the_cells_there(cloud: WholeCloud) -> None:
    """While it runs, and built anew: its CPUs are the claim's, and those it left are free."""
    flavor = make_flavor(cloud, "moving", cpu_policy="dedicated")
    first = cloud.wait_for(cloud.boot("stays", flavorRef=flavor), "ACTIVE")
    other = next(host for host in cloud.record.hosts if host != first[HOST])
    zone = f"nova:{other}"
    moving = cloud.boot("moves", flavorRef=flavor, availability_zone=zone)
    before = cloud.wait_for(moving, "ACTIVE")
    assert pins(cloud, before) == pins(cloud, first) == ["0", "1"]
    asked = {"host": first[HOST], "block_migration": True, "disk_over_commit": False}
    act(cloud, moving, {"os-migrateLive": asked})
    there = cloud.wait_for(moving, "ACTIVE")
    assert (there[HOST], pins(cloud, there)) == (first[HOST], ["4", "5"])
    assert topology(cloud, moving)["nodes"][0]["cpu_pinning"] == {"0": 4, "1": 5}
    act(cloud, moving, {"rebuild": {"imageRef": cloud.image_id}})
    assert pins(cloud, cloud.wait_for(moving, "ACTIVE")) == ["4", "5"]
    cloud.command("check", "--wait", "10")
    for name in ("stays", "moves"):
        cloud.delete_all(name)
    assert used(cloud) == {None}


def test_what_contradicts_itself_is_refused(cloud: WholeCloud) -> None:
    flavor = make_flavor(cloud, "odd", numa_nodes="3")
    answer = cloud.compute("POST", "/servers", cloud.body("odd", flavorRef=flavor))
    assert answer.status == 400
    assert refusal(answer.json(), "badRequest") == (
        "Instance CPUs and/or memory cannot be evenly distributed across instance NUMA nodes."
        " Explicit assignment of CPUs and memory to nodes is required"
    )
