"""Servers with PCI devices on a whole cloud: until there are none left, and from host to host."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import wait_until
from tests.integration.test_lifecycle import act, domain_of
from tests.integration.whole_cloud import WholeCloud, bring_up

pytestmark = pytest.mark.cloud

IDS = {"vendor_id": "10de", "product_id": "1eb8"}
GPUS = {"host1": ("3b", "5e"), "host2": ("d8",)}
ALIAS = json.dumps({"name": "gpu", **IDS, "device_type": "type-PCI"})
LIVE_ALIAS = json.dumps({"name": "vgpu", **IDS, "live_migratable": "true"})


def configure(cloud: WholeCloud) -> None:
    """Have the hosts simulate devices, and the api and the scheduler know an alias for them."""
    for host, buses in GPUS.items():
        devices = [{**IDS, "address": f"0000:{bus}:00.0"} for bus in buses]
        spec = json.dumps({**IDS, "live_migratable": "true"})
        append(cloud, f"compute-{host}", simulated_devices=json.dumps(devices), device_spec=spec)
    for daemon in ("api", "scheduler"):
        append(cloud, daemon, alias=f"{ALIAS}\nalias = {LIVE_ALIAS}")
    cloud.command("restart", "compute", "api", "scheduler")
    wait_until(lambda: free(cloud) == {"host1": 2, "host2": 1}, "the devices are reported", 30.0)


def append(cloud: WholeCloud, daemon: str, **pci: str) -> None:
    path: Path = cloud.record.etc_dir / f"{daemon}.conf"
    lines = ["", "[pci]", *(f"{name} = {value}" for name, value in pci.items())]
    path.write_text(path.read_text() + "\n".join(lines) + "\n")


def free(cloud: WholeCloud) -> dict[str, int]:
    rows = cloud.rows("SELECT host, pci_stats FROM compute_nodes")
    found = {}
    for row in rows:
        stats = json.loads(row.pci_stats) if isinstance(row.pci_stats, str) else row.pci_stats
        found[row.host] = sum(pool["count"] for pool in stats or ())
    return found


def devices_of(cloud: WholeCloud, server: dict[str, Any]) -> list[str]:
    """Return the buses of the PCI devices in the server's domain."""
    root = ET.fromstring(domain_of(cloud, server).XMLDesc())
    places = root.iterfind("devices/hostdev/source/address")
    return [place.get("bus", "").removeprefix("0x") for place in places]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    """A cloud of two hosts with three GPUs, and flavors that want one."""
    with bring_up(
        tmp_path_factory.mktemp("pci"), f"pci-{os.getpid()}", "--hosts", "2"
    ) as found:  # fmt: skip
        configure(found)
        for name in ("gpu", "vgpu"):
            body = {"name": name, "id": name, "ram": 64, "vcpus": 1, "disk": 1}
            assert found.compute("POST", "/flavors", {"flavor": body}).status == 200
            specs = {"extra_specs": {"pci_passthrough:alias": f"{name}:1"}}
            assert found.compute("POST", f"/flavors/{name}/os-extra_specs", specs).status == 200
        yield found


@pytest.fixture
def name(cloud: WholeCloud) -> Iterator[str]:
    """Give the servers' name; they are gone after the test, and every device is free."""
    yield "pci"
    cloud.delete_all("pci")
    assert free(cloud) == {"host1": 2, "host2": 1}
    cloud.command("check", "--wait", "30")


def test_servers_boot_until_the_devices_run_out(cloud: WholeCloud, name: str) -> None:
    """Each has one of its own, however many ask at once; then there is no host, and why."""
    cloud.boot(name, flavorRef="gpu", min_count=5, max_count=5)
    servers = cloud.wait_for_all(name, 5)
    built = [one for one in servers if one["status"] == "ACTIVE"]
    refused = [one for one in servers if one["status"] == "ERROR"]
    assert (len(built), len(refused)) == (3, 2)
    taken = [(one["OS-EXT-SRV-ATTR:host"], *devices_of(cloud, one)) for one in built]
    assert sorted(taken) == [("host1", "3b"), ("host1", "5e"), ("host2", "d8")]
    assert free(cloud) == {"host1": 0, "host2": 0}
    words = "wants 1 of gpu; they have 0 free"
    assert words in cloud.server(refused[0]["id"])["fault"]["message"]
    said = " ".join(cloud.command("explain", refused[0]["id"]).split())
    assert "PciPassthroughFilter" in said
    assert words in said
    cloud.command("check", "--wait", "10")

    assert cloud.compute("DELETE", f"/servers/{built[0]['id']}").status == 204
    wait_until(lambda: sum(free(cloud).values()) == 1, "its device is free again", 30.0)
    again = cloud.wait_for(cloud.boot(name, flavorRef="gpu"), "ACTIVE")
    assert (again["OS-EXT-SRV-ATTR:host"], *devices_of(cloud, again)) == taken[0]


def test_a_migration_takes_devices_where_it_goes(cloud: WholeCloud, name: str) -> None:
    """And lets go of the old ones when it is confirmed, or of the new ones when it is not."""
    server = cloud.wait_for(cloud.boot(name, flavorRef="gpu"), "ACTIVE")
    before = server["OS-EXT-SRV-ATTR:host"]
    (other,) = GPUS.keys() - {before}
    one_less = {**{host: len(buses) for host, buses in GPUS.items()}}
    act(cloud, server["id"], {"migrate": None})
    there = cloud.wait_for(server["id"], "VERIFY_RESIZE")
    assert devices_of(cloud, there)[0] in GPUS[other]
    assert free(cloud) == {host: count - 1 for host, count in one_less.items()}
    act(cloud, server["id"], {"revertResize": None})
    back = cloud.wait_for(server["id"], "ACTIVE")
    assert devices_of(cloud, back)[0] in GPUS[before]
    assert free(cloud) == {**one_less, before: one_less[before] - 1}
    act(cloud, server["id"], {"resize": {"flavorRef": "1"}})
    cloud.wait_for(server["id"], "VERIFY_RESIZE")
    act(cloud, server["id"], {"confirmResize": None}, 204)
    plain = cloud.wait_for(server["id"], "ACTIVE")
    assert devices_of(cloud, plain) == []
    assert free(cloud) == one_less


def test_who_can_goes_with_its_devices_while_it_runs(cloud: WholeCloud, name: str) -> None:
    """It has others where it arrives; and the same again after it was built anew."""
    server = cloud.wait_for(cloud.boot(name, flavorRef="vgpu"), "ACTIVE")
    (other,) = GPUS.keys() - {server["OS-EXT-SRV-ATTR:host"]}
    live = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
    path, headers = f"/servers/{server['id']}/action", {"X-OpenStack-Nova-API-Version": "2.30"}
    answer = cloud.compute("POST", path, live, headers=headers)
    assert answer.status == 202, answer.data

    def has_arrived() -> bool:
        found = cloud.server(server["id"])
        return bool(found["OS-EXT-SRV-ATTR:host"] == other and found["status"] == "ACTIVE")

    wait_until(has_arrived, "it has arrived", 30.0)
    there = cloud.wait_for(server["id"], "ACTIVE")
    (bus,) = devices_of(cloud, there)
    assert bus in GPUS[other]
    act(cloud, server["id"], {"rebuild": {"imageRef": cloud.image_id}})
    assert devices_of(cloud, cloud.wait_for(server["id"], "ACTIVE")) == [bus]
