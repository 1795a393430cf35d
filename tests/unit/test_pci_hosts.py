"""A compute host's PCI devices: what it reports of its nodes, and what its guests get."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import ComputeNode, Instance
from devstack_lite.objects.pci import PciDevice
from devstack_lite.states import VmState
from fake_hypervisor import libvirt
from services.compute import build
from services.compute.domain_xml import with_hostdevs
from services.compute.guest import GuestHostdev
from services.compute.hypervisor import describe_nodes, load_driver, load_providers
from tests.unit.conftest import TINY
from tests.unit.test_compute_driver import make_guest
from tests.unit.test_compute_live import Cloud, cloud, instance

__all__ = ["cloud"]

GPU = {"vendor_id": "10de", "product_id": "1eb8"}
CARD = {
    "address": "0000:04:00.0", "vendor_id": "8086", "product_id": "1572", "dev_type": "type-PF",
    "vfs": 2, "vf_product_id": "154c", "numa_node": 0, "node": "*-node1",
}  # fmt: skip


def conf_of(folder: Path, **pci: list[str]) -> Any:
    conf = options.register(cfg.ConfigOpts())
    conf([], project="devstack-lite", default_config_files=[])
    conf.set_override("state_dir", str(folder))
    conf.set_override("host", "host1")
    conf.set_override("nodes", 2, group="compute")
    for name, value in pci.items():
        conf.set_override(name, value, group="pci")
    return conf


def nodes_of(conf: Any) -> list[ComputeNode]:
    driver = load_driver(conf)
    return describe_nodes(conf, driver, load_providers(conf, driver))


def test_a_host_reports_what_guests_may_have(tmp_path: Path) -> None:
    """Of each node the devices that a device_spec matches, with its tags; the first one counts."""
    conf = conf_of(
        tmp_path,
        simulated_devices=[
            json.dumps([{**GPU, "address": f"0000:{bus}:00.0"} for bus in ("3b", "5e")]),
            json.dumps(CARD),
        ],
        device_spec=[
            json.dumps({**GPU, "address": "*:3b:*.*", "managed": "no"}),
            json.dumps({"address": "0000:04:00.0", "physical_network": "net1"}),
        ],
    )
    first, second = nodes_of(conf)
    gpu = PciDevice(address="0000:3b:00.0", **GPU, tags={"managed": "false"})
    network = {"physical_network": "net1"}
    assert second.pci_devices == (gpu,)
    assert first.pci_devices == (
        PciDevice(address="0000:04:00.0", vendor_id="8086", product_id="1572",
                  dev_type="type-PF", numa_node=0, tags=network),
        *(PciDevice(address=f"0000:04:10.{number}", vendor_id="8086", product_id="154c",
                    dev_type="type-VF", numa_node=0, parent_addr="0000:04:00.0", tags=network)
          for number in (0, 2)),
        gpu,
    )  # fmt: skip


def test_without_a_device_spec_guests_get_none(tmp_path: Path) -> None:
    conf = conf_of(tmp_path, simulated_devices=[json.dumps(CARD)])
    assert [one.pci_devices for one in nodes_of(conf)] == [(), ()]


@pytest.mark.parametrize(
    ("pci", "words"),
    [
        ({"device_spec": ["{"]}, "Invalid [pci]device_spec config: Invalid entry: '{'"),
        ({"simulated_devices": ["{"]}, "[pci] simulated_devices: '{' is no JSON"),
    ],
)
def test_what_is_no_device_stops_the_start(
    tmp_path: Path, pci: dict[str, list[str]], words: str
) -> None:
    with pytest.raises(ValueError, match="pci") as caught:
        load_driver(conf_of(tmp_path, **pci))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("compute", "cpu_shared_set", "0-x"),
        ("compute", "cpu_dedicated_set", "0-65536"),
        (None, "reserved_huge_pages", [{"node": "0", "size": "2048"}]),
    ],
)
def test_what_would_fail_each_report_stops_the_start(
    tmp_path: Path, group: str | None, name: str, value: Any
) -> None:
    conf = conf_of(tmp_path)
    conf.set_override(name, value, group=group)
    with pytest.raises(ValueError, match=name):
        load_driver(conf)


def test_each_device_is_a_hostdev_of_the_domain(tmp_path: Path) -> None:
    """With the address that it has on its node; one that is not managed says so."""
    conf = conf_of(tmp_path)
    driver = load_driver(conf)
    node = driver.get_available_nodes()[0]
    guest = make_guest(node=node, hostdevs=(
        GuestHostdev(address="0000:3b:00.0"), GuestHostdev(address="0001:04:10.2", is_managed=False)
    ))  # fmt: skip
    driver.spawn(guest)
    with driver.domain("read", node, guest.uuid) as domain:
        document = domain.XMLDesc()
    found = ET.fromstring(document).findall("devices/hostdev")
    assert [one.attrib for one in found] == [
        {"mode": "subsystem", "type": "pci", "managed": managed} for managed in ("yes", "no")
    ]
    assert [one.find("source/address").attrib for one in found] == [  # type: ignore[union-attr]
        {"domain": "0x0000", "bus": "0x3b", "slot": "0x00", "function": "0x0"},
        {"domain": "0x0001", "bus": "0x04", "slot": "0x10", "function": "0x2"},
    ]
    other = with_hostdevs(document, [GuestHostdev(address="0000:5e:00.0")])
    assert [
        one.get("bus") for one in ET.fromstring(other).iterfind(".//hostdev/source/address")
    ] == ["0x5e"]


class Conductor:
    """Answers what a claim holds, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def get_pci_devices(self, _context: RequestContext, *, uuid: str, node: str) -> list[PciDevice]:
        self.asked.append((uuid, node))
        bus = {"host1": "3b", "host2": "5e"}[node]
        return [PciDevice(address=f"0000:{bus}:00.0", **GPU, tags={"managed": "true"})]


def wanting(one: Instance) -> Instance:
    return replace(one, flavor=replace(TINY, extra_specs={"pci_passthrough:alias": "gpu:1"}))


def test_only_who_wants_devices_asks_for_them(context: RequestContext) -> None:
    """A boot without them costs no call."""
    conductor = Conductor()
    peers: Any = SimpleNamespace(builds=conductor)
    one = replace(instance(), vm_state=VmState.BUILDING)
    assert build.hostdevs_of(context, one, peers) == ()
    assert conductor.asked == []
    assert build.hostdevs_of(context, wanting(one), peers) == (
        GuestHostdev(address="0000:3b:00.0"),
    )  # fmt: skip
    assert conductor.asked == [(one.uuid, "host1")]


def test_a_guest_that_migrates_has_the_devices_of_where_it_goes(cloud: Cloud) -> None:
    """In its definition, too."""
    from services.compute import live

    peers = cloud.peers()
    peers.builds = Conductor()
    live.run_live_migration(wanting(instance()), peers)
    (arrived,) = libvirt.open(cloud.uri("host2")).listAllDomains()
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        places = ET.fromstring(arrived.XMLDesc(flags)).findall("devices/hostdev/source/address")
        assert [place.get("bus") for place in places] == ["0x5e"]
