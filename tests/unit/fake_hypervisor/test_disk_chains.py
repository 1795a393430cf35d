"""Disks that go on in other files, and files that become one again."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from fake_hypervisor import libvirt
from tests.unit.fake_hypervisor.conftest import MakeXml

U1 = "11111111-1111-4111-8111-111111111111"
FLAGS = (
    libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
    | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
    | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
)
OTHER = "<disk name='vda' snapshot='no'/>"


def disk(target: str) -> str:
    return (
        f"<disk type='block'><driver type='raw'/><source dev='/dev/{target}'/>"
        f"<target dev='{target}'/></disk>"
    )


def snapshot_of(name: str, file: str, others: str = OTHER) -> str:
    """Return the document that has one disk go on in a file."""
    return (
        f"<domainsnapshot><name>s</name><disks><disk name='{name}' type='file'>"
        f"<driver type='qcow2'/><source file='{file}'/></disk>{others}</disks></domainsnapshot>"
    )


def files(domain: libvirt.virDomain, target: str = "vdb", flags: int = 0) -> list[str]:
    """Return what a disk consists of, from the one that is written to down."""
    found: list[str] = []
    root = ET.fromstring(domain.XMLDesc(flags))
    layer = root.find(f"devices/disk/target[@dev='{target}']/..")
    while layer is not None:
        source = layer.find("source")
        assert source is not None
        found.append(next(iter(source.attrib.values())))
        layer = layer.find("backingStore")
    return found


@pytest.fixture(params=["running", "off"])
def domain(
    request: pytest.FixtureRequest, conn: libvirt.virConnect, make_xml: MakeXml
) -> libvirt.virDomain:
    """A guest with two disks, that runs or is off."""
    made = conn.defineXML(make_xml("one", U1))
    for target in ("vda", "vdb"):
        made.attachDeviceFlags(disk(target))
    if request.param == "running":
        made.create()
    return made


def code(call: Callable[..., Any], *arguments: Any) -> int | None:
    with pytest.raises(libvirt.libvirtError) as caught:
        call(*arguments)
    return caught.value.get_error_code()


def test_a_disk_goes_on_in_a_file(domain: libvirt.virDomain) -> None:
    """By its source or its target, in the guest and its definition; the other disk stays."""
    made = domain.snapshotCreateXML(snapshot_of("/dev/vdb", "/dev/a"), FLAGS)
    assert (made.getName(), made.getDomain()) == ("s", domain)
    domain.snapshotCreateXML(snapshot_of("vdb", "/dev/b"), FLAGS)
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        assert files(domain, flags=flags) == ["/dev/b", "/dev/a", "/dev/vdb"]
        assert files(domain, "vda", flags) == ["/dev/vda"]
    element = ET.fromstring(domain.XMLDesc()).find("devices/disk/target[@dev='vdb']/..")
    assert element is not None
    assert element.get("type") == "file"
    formats = [one.get("type") for one in element.iter() if one.tag in {"driver", "format"}]
    assert formats == ["qcow2", "qcow2", "raw"]


def test_what_is_no_such_snapshot_is_refused(domain: libvirt.virDomain) -> None:
    """A file that it is no longer in, one that is not named, memory, metadata, unknown flags."""
    invalid = libvirt.VIR_ERR_INVALID_ARG
    unsupported = libvirt.VIR_ERR_CONFIG_UNSUPPORTED
    take = domain.snapshotCreateXML
    assert code(take, snapshot_of("/dev/vdz", "/dev/a"), FLAGS) == invalid
    assert code(take, snapshot_of("vdb", "/dev/a", others=""), FLAGS) == unsupported
    assert code(take, snapshot_of("vdb", ""), FLAGS) == unsupported
    assert code(take, snapshot_of("vdb", "/dev/a"), 0) == libvirt.VIR_ERR_OPERATION_UNSUPPORTED
    assert code(take, snapshot_of("vdb", "/dev/a"), FLAGS | 2) == invalid
    assert files(domain) == ["/dev/vdb"]


def test_files_become_one(domain: libvirt.virDomain) -> None:
    """Up into the one that is written to, or between those below; only while the guest runs."""
    for name in ("a", "b", "c"):
        domain.snapshotCreateXML(snapshot_of("vdb", f"/dev/{name}"), FLAGS)
    if not domain.isActive():
        for call, more in ((domain.blockRebase, [None]), (domain.blockCommit, ["vdb", "a"])):
            assert code(call, "vdb", *more) == libvirt.VIR_ERR_OPERATION_INVALID
        return
    invalid = libvirt.VIR_ERR_INVALID_ARG
    commit = domain.blockCommit
    assert code(commit, "vdb", "vdb", "c", 0, 0) == invalid
    assert code(commit, "vdb", "b", "a", 0, 0) == invalid
    assert code(commit, "vdb", "vdb", "z", 0, 0) == invalid
    assert code(domain.blockRebase, "vdb", "z", 0, 0) == invalid
    assert commit("vdb", "/dev/vdb", "a", 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE) == 0
    assert files(domain) == ["/dev/c", "/dev/b", "/dev/vdb"]
    flags = libvirt.VIR_DOMAIN_BLOCK_REBASE_RELATIVE
    for _ in range(2):
        assert domain.blockRebase("vdb", "vdb", 0, flags) == 0
        assert files(domain) == ["/dev/c", "/dev/vdb"]
    assert domain.blockRebase("vdb", None, 0, 0) == 0
    assert files(domain) == files(domain, flags=libvirt.VIR_DOMAIN_XML_INACTIVE) == ["/dev/c"]
    assert domain.blockJobInfo("vdb") == {}


def test_a_device_is_replaced_in_its_place(domain: libvirt.virDomain) -> None:
    """In a definition, and only of what is there; a running guest's stays."""
    changed = disk("vda").replace("/dev/vda", "/dev/other")
    if domain.isActive():
        refused = libvirt.VIR_ERR_OPERATION_UNSUPPORTED
        assert code(domain.updateDeviceFlags, changed) == refused
        return
    assert domain.updateDeviceFlags(changed, libvirt.VIR_DOMAIN_AFFECT_CONFIG) == 0
    sources = [one.get("dev") for one in ET.fromstring(domain.XMLDesc()).iter("source")]
    assert sources == ["/dev/other", "/dev/vdb"]
    assert code(domain.updateDeviceFlags, disk("vdz")) == libvirt.VIR_ERR_DEVICE_MISSING
