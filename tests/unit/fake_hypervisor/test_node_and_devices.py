"""A node's address and size, a domain's devices, and the figures of a guest."""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri, parse_uri

Connect = Callable[..., libvirt.virConnect]
MakeXml = Callable[..., str]
U1 = str(uuid.UUID(int=1))


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        (None, libvirt.VIR_ERR_NO_CONNECT),
        ("qemu:///system", libvirt.VIR_ERR_NO_CONNECT),
        ("fake:///?node=n", libvirt.VIR_ERR_INVALID_ARG),
        ("fake://host/dir?node=n", libvirt.VIR_ERR_INVALID_ARG),
        ("fake:///dir", libvirt.VIR_ERR_INVALID_ARG),
        ("fake:///dir?node=n&nod=m", libvirt.VIR_ERR_INVALID_ARG),
        ("fake:///dir?node=n&seed=x", libvirt.VIR_ERR_INVALID_ARG),
    ],
)
def test_bad_addresses(uri: str | None, code: int) -> None:
    """An address that names no node is refused with libvirt's code."""
    with pytest.raises(libvirt.libvirtError) as caught:
        libvirt.open(uri)
    assert caught.value.get_error_code() == code


def test_addresses_survive_the_round_trip() -> None:
    """make_uri and parse_uri agree, also about spaces and signs."""
    address = parse_uri(make_uri("/a b/ü?&", "n#1 ", profile="/p q.yaml", seed=-3))
    assert str(address.store_dir) == "/a b/ü?&"
    assert (address.node, address.profile, address.seed) == ("n#1 ", "/p q.yaml", -3)


def test_a_node_of_default_size(conn: libvirt.virConnect) -> None:
    """Without a hosts file a node has 64 CPUs, 256 GiB and 2000 GB, and is a QEMU."""
    assert conn.getInfo() == ["x86_64", 262144, 64, 2400, 1, 1, 64, 1]
    assert (conn.getType(), conn.getVersion(), conn.getLibVersion()) == ("QEMU", 8002000, 9000000)
    assert conn.getHostname() == "node-1"
    assert conn.listAllStoragePools()[0].info()[1] == 2000 * 2**30
    assert conn.getCPUMap()[2] == 64
    assert ET.fromstring(conn.getCapabilities()).findtext("host/cpu/arch") == "x86_64"


def test_the_hosts_file_sizes_nodes(tmp_path: Path, connect: Connect) -> None:
    """The first pattern that matches is used, on top of the defaults."""
    (tmp_path / "hosts.yaml").write_text(
        "defaults: {vcpus: 8, arch: aarch64}\n"
        "nodes:\n"
        "  - {match: 'gpu-*', vcpus: 128, memory_mb: 1024}\n"
        "  - {match: '*-1', vcpus: 4}\n"
    )
    assert connect("gpu-1").getInfo()[:3] == ["aarch64", 1024, 128]
    assert connect("cpu-1").getInfo()[:3] == ["aarch64", 262144, 4]
    assert connect("cpu-2").getInfo()[:3] == ["aarch64", 262144, 8]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nodes: [", "hosts.json: while parsing"),
        ("hosts: []", "hosts.json: the document must have the keys defaults and nodes"),
        ("defaults: {vcpu: 1}", "hosts.json: defaults.vcpu is not known; there are arch"),
        ("defaults: {vcpus: 0}", "hosts.json: defaults.vcpus must be a number above 0, got 0"),
        ("defaults: {arch: 3}", "hosts.json: defaults.arch must be a text, got 3"),
        ("nodes: [{vcpus: 1}]", "hosts.json: nodes[0].match must be the pattern"),
        ("nodes: [{match: x, vcpus: no}]", "hosts.json: nodes[0].vcpus must be a number"),
    ],
)
def test_a_broken_hosts_file_says_where(tmp_path: Path, text: str, expected: str) -> None:
    """The complaint names the file and the key."""
    (tmp_path / "hosts.json").write_text(text)
    with pytest.raises(libvirt.libvirtError) as caught:
        libvirt.open(make_uri(tmp_path, "n"))
    assert expected in str(caught.value)
    assert caught.value.get_error_code() == libvirt.VIR_ERR_CONF_SYNTAX


def test_idle_nodes_leave_no_trace(tmp_path: Path) -> None:
    """Opening 2,500 nodes makes no file and takes no handle."""
    connections = [libvirt.open(make_uri(tmp_path, f"node-{n}")) for n in range(2500)]
    assert list(tmp_path.iterdir()) == []
    assert len({id(conn.hypervisor.store) for conn in connections}) == 1


def test_a_closed_connection_is_of_no_use(connect: Connect) -> None:
    """Every call after close is VIR_ERR_INVALID_CONN, a second close too."""
    conn = connect()
    assert (conn.isAlive(), conn.close()) == (1, 0)
    for call in (conn.getHostname, conn.isAlive, conn.listAllDomains, conn.close):
        with pytest.raises(libvirt.libvirtError) as caught:
            call()
        assert caught.value.get_error_code() == libvirt.VIR_ERR_INVALID_CONN


def test_read_only_connections_change_nothing(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """openReadOnly reads, and is denied every change."""
    conn.defineXML(make_xml("one", U1))
    reader = libvirt.openReadOnly(conn.getURI())
    domain = reader.lookupByUUIDString(U1)
    for call in (domain.create, domain.undefine, lambda: reader.defineXML(make_xml("two"))):
        with pytest.raises(libvirt.libvirtError) as caught:
            call()
        assert caught.value.get_error_code() == libvirt.VIR_ERR_OPERATION_DENIED
    assert domain.isActive() == 0


DISK = "<disk type='file' device='disk'><source file='/disks/{0}'/><target dev='{0}'/></disk>"
NIC = "<interface type='bridge'><mac address='{}'/><target dev='tap0'/></interface>"
MAC = "fa:16:3e:00:00:01"


def test_devices_of_the_guest_and_of_the_definition(
    conn: libvirt.virConnect, make_xml: MakeXml
) -> None:
    """LIVE changes the guest, CONFIG the definition, and neither flag whichever is current."""
    domain = conn.defineXML(make_xml("one", U1))
    domain.attachDeviceFlags(DISK.format("vda"))
    domain.create()
    domain.attachDeviceFlags(DISK.format("vdb"), libvirt.VIR_DOMAIN_AFFECT_LIVE)
    domain.attachDeviceFlags(DISK.format("vdc"), libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    both = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
    domain.attachDeviceFlags(DISK.format("vdd"), both)

    def disks(flags: int) -> list[str]:
        targets = ET.fromstring(domain.XMLDesc(flags)).iterfind("devices/disk/target")
        return [target.get("dev", "") for target in targets]

    assert disks(0) == ["vda", "vdb", "vdd"]
    assert disks(libvirt.VIR_DOMAIN_XML_INACTIVE) == ["vda", "vdc", "vdd"]
    domain.detachDeviceFlags(DISK.format("vdb"))
    assert disks(0) == ["vda", "vdd"]
    domain.destroy()
    assert disks(0) == ["vda", "vdc", "vdd"]


def test_config_change_alone_does_not_touch_the_guest(
    conn: libvirt.virConnect, make_xml: MakeXml
) -> None:
    """A device added to the definition of a running guest waits for the next start."""
    domain = conn.defineXML(make_xml("one", U1))
    domain.create()
    domain.attachDeviceFlags(NIC.format(MAC), libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert MAC not in domain.XMLDesc()
    domain.destroy()
    domain.create()
    assert MAC in domain.XMLDesc()


def test_refused_devices(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """A taken target, a missing device and a guest that is not there have libvirt's codes."""

    def code(call: Callable[..., int], *arguments: object) -> int | None:
        with pytest.raises(libvirt.libvirtError) as caught:
            call(*arguments)
        return caught.value.get_error_code()

    invalid, live = libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_DOMAIN_AFFECT_LIVE
    domain = conn.defineXML(make_xml("one", U1))
    domain.attachDeviceFlags(DISK.format("vda"))
    assert code(domain.attachDeviceFlags, DISK.format("vda")) == invalid
    assert code(domain.attachDeviceFlags, DISK.format("vdb"), live) == invalid
    assert code(domain.detachDeviceFlags, DISK.format("vdb")) == libvirt.VIR_ERR_DEVICE_MISSING
    assert code(domain.detachDeviceFlags, NIC.format(MAC)) == libvirt.VIR_ERR_DEVICE_MISSING
    assert code(domain.attachDeviceFlags, "<domain/>") == libvirt.VIR_ERR_XML_ERROR
    domain.create()
    domain.undefine()
    config = libvirt.VIR_DOMAIN_AFFECT_CONFIG
    assert code(domain.attachDeviceFlags, DISK.format("vdb"), config) == invalid


def test_figures_of_a_running_guest(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """Figures exist for what exists, add up, and never run backwards."""
    domain = conn.defineXML(make_xml("one", U1, memory_mb=512, vcpus=2))
    domain.attachDeviceFlags(DISK.format("vda"))
    domain.attachDeviceFlags(NIC.format(MAC))
    domain.create()
    memory = domain.memoryStats()
    assert memory["actual"] == 512 * 1024
    assert 0 < memory["unused"] < memory["actual"]
    first, second = (domain.getCPUStats(True)[0]["cpu_time"] for _ in range(2))
    assert first <= second
    assert len(domain.getCPUStats(False)) == 2
    assert len(domain.interfaceStats("tap0")) == 8
    capacity, allocated, physical = domain.blockInfo("/disks/vda")
    assert allocated == physical <= capacity
    assert len(domain.blockStats("vda")) == 5
    assert domain.blockJobInfo("vda") == {}
    for call, name in ((domain.blockInfo, "vdz"), (domain.interfaceStats, "tap9")):
        with pytest.raises(libvirt.libvirtError) as caught:
            call(name)
        assert caught.value.get_error_code() == libvirt.VIR_ERR_INVALID_ARG
    assert conn.getMemoryStats()["free"] == (262144 - 512) * 1024


def test_documents_keep_their_metadata(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """What the hypervisor does not understand comes back, also after an edit."""
    nova = "http://openstack.org/xmlns/libvirt/nova/1.1"
    metadata = f"<nova:instance xmlns:nova='{nova}'><nova:name>web</nova:name></nova:instance>"
    domain = conn.defineXML(make_xml("one", U1, metadata=metadata))
    assert metadata in domain.XMLDesc()
    domain.attachDeviceFlags(DISK.format("vda"))
    assert "<nova:name>web</nova:name>" in domain.XMLDesc()


def test_a_missing_uuid_is_made_up(conn: libvirt.virConnect) -> None:
    """A document without a uuid gets one, which stands in it from then on."""
    system = "<memory>1</memory><os><type>hvm</type></os>"
    xml = f"<domain type='kvm' id='7'><name>x</name>{system}</domain>"
    domain = conn.defineXML(xml)
    root = ET.fromstring(domain.XMLDesc())
    assert root.findtext("uuid") == domain.UUIDString() == str(uuid.UUID(bytes=domain.UUID()))
    assert "id" not in root.attrib
