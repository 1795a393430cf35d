"""The PCI functions of a simulated node, as libvirt describes them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_hypervisor import libvirt
from fake_hypervisor.node_devices import read_functions

Connect = Callable[..., libvirt.virConnect]
GPU = {"address": "0000:3b:00.0", "vendor_id": "10de", "product_id": "1eb8", "numa_node": 1}
CARD = {
    "address": "0000:04:00.1", "vendor_id": "8086", "product_id": "1572", "dev_type": "type-PF",
    "vfs": 3, "vf_product_id": "154c",
}  # fmt: skip


def write(folder: Path, *devices: dict[str, Any]) -> None:
    (folder / "hosts.yaml").write_text(
        f"defaults: {{vcpus: 8, pci_devices: {json.dumps(devices)}}}\n"
        "nodes: [{match: 'bare-*', pci_devices: []}]\n"
    )


def test_a_node_lists_its_functions(tmp_path: Path, connect: Connect) -> None:
    """By name, with what Nova reads of each; other kinds of devices there are none."""
    write(tmp_path, GPU, CARD)
    conn = connect()
    assert conn.listDevices("pci") == [
        "pci_0000_3b_00_0", "pci_0000_04_00_1", "pci_0000_04_10_1", "pci_0000_04_10_3",
        "pci_0000_04_10_5",
    ]  # fmt: skip
    assert conn.listDevices("net") == conn.listAllDevices(1) == []
    gpu, card, virtual = (
        ET.fromstring(conn.nodeDeviceLookupByName(name).XMLDesc())
        for name in ("pci_0000_3b_00_0", "pci_0000_04_00_1", "pci_0000_04_10_3")
    )
    assert [gpu.findtext(f"capability/{one}") for one in ("domain", "bus", "slot", "function")] == [
        "0", "59", "0", "0",
    ]  # fmt: skip
    assert [one.attrib for one in gpu.iter("numa")] == [{"node": "1"}]
    assert [one.attrib for one in virtual.iter("product")] == [{"id": "0x154c"}]
    own = "capability/capability[@type='{}']/address"
    assert len(card.findall(own.format("virt_functions"))) == 3
    assert [one.attrib for one in virtual.findall(own.format("phys_function"))] == [
        {"domain": "0x0000", "bus": "0x04", "slot": "0x00", "function": "0x1"}
    ]


def test_some_nodes_have_other_functions(tmp_path: Path, connect: Connect) -> None:
    """By the pattern of a device, or by that of the node."""
    write(tmp_path, GPU, {**CARD, "node": "net-*"})
    counts = {name: len(connect(name).listAllDevices()) for name in ("net-1", "x", "bare-1")}
    assert counts == {"net-1": 5, "x": 1, "bare-1": 0}


def test_a_device_that_is_not_there(conn: libvirt.virConnect) -> None:
    with pytest.raises(libvirt.libvirtError) as caught:
        conn.nodeDeviceLookupByName("pci_0000_00_00_0")
    assert caught.value.get_error_code() == libvirt.VIR_ERR_NO_NODE_DEVICE


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({**GPU, "address": "3b:00.0"}, "must be like 0000:3b:00.0"),
        ({**GPU, "vendor_id": 10}, "vendor_id must be four hexadecimal digits"),
        ({**GPU, "colour": "red"}, "unexpected keyword argument 'colour'"),
        ({"address": "0000:3b:00.0"}, "missing 2 required"),
        ({**GPU, "dev_type": "gpu"}, "dev_type must be"),
        ({**GPU, "numa_node": -1}, "numa_node must be a number"),
        ({**GPU, "parent": "0000:04:00.0"}, "type-VF has the address of its parent"),
        ({**GPU, "dev_type": "type-VF"}, "type-VF has the address of its parent"),
        ({**GPU, "vfs": 2}, "vfs must be a number up to 64, of a type-PF"),
        ({**CARD, "vfs": 65}, "vfs must be a number up to 64"),
        ({**CARD, "address": "0000:04:1f.0"}, "have no room on the bus"),
        ({**GPU, "node": 1}, "node must be a pattern"),
        ("x", "must be a mapping"),
    ],
)
def test_what_is_no_function_is_named(entry: Any, words: str) -> None:
    """The entry, and what is wrong with it."""
    with pytest.raises(ValueError, match=r"\[0\]") as caught:
        read_functions([entry])
    assert words in str(caught.value)


def test_one_address_is_one_function(tmp_path: Path, connect: Connect) -> None:
    """The file that says otherwise is named."""
    write(tmp_path, GPU, GPU)
    with pytest.raises(libvirt.libvirtError, match=r"hosts.yaml: defaults.pci_devices .* twice"):
        connect()
