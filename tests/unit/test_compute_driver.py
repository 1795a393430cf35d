"""The compute driver on the fake hypervisor, and the domain documents that it writes."""

from __future__ import annotations

import os
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devstack_lite.exceptions import NotFound
from devstack_lite.states import PowerState
from fake_hypervisor import libvirt
from fake_hypervisor.stages import StageEngine
from fake_hypervisor.uri import make_uri
from services.compute.domain_xml import (
    NOVA_NS,
    GuestPlatform,
    build_domain_xml,
    choose_platform,
    next_device,
)
from services.compute.driver import HypervisorError, LibvirtDriver
from services.compute.guest import GuestConfig, GuestInterface, GuestVolume

NODE = "node-1"
MakeDriver = Callable[..., LibvirtDriver]


def make_guest(**changes: Any) -> GuestConfig:
    """Return a guest with one of everything."""
    uid = str(uuid.uuid4())
    values: dict[str, Any] = {
        "uuid": uid,
        "name": f"instance-{uid[:8]}",
        "display_name": "web <1>",
        "node": NODE,
        "host": "host-1",
        "vcpus": 2,
        "memory_mb": 512,
        "root_gb": 5,
        "image_id": "11111111-0000-0000-0000-000000000000",
        "image_path": "/images/disk",
        "interfaces": (
            GuestInterface(
                port_id=str(uuid.uuid4()), mac="fa:16:3e:0:0:1", ips=("10.0.0.4", "fd::4")
            ),
        ),
        "volumes": (GuestVolume(volume_id="vol-1", source_path="/dev/loop7"),),
        "flavor_name": "m1.small",
        "project_id": "p1",
        "user_id": "u1",
        "metadata": {"team": "a & b"},
    }
    return GuestConfig(**values | changes)


@pytest.fixture
def make_driver(tmp_path: Path) -> MakeDriver:
    """Return a function that makes a driver on this test's store, under a profile's text."""

    def make(profile: str = "stages: {}", **options: Any) -> LibvirtDriver:
        path = tmp_path / f"profile-{uuid.uuid4()}.yaml"
        path.write_text(profile)
        store = tmp_path / "store"
        uri = lambda node: make_uri(store, node, profile=str(path))  # noqa: E731
        stages = StageEngine.load(str(path), 1)
        return LibvirtDriver(libvirt, uri, **{"nodes": (NODE,), "stages": stages} | options)

    return make


@pytest.fixture
def driver(make_driver: MakeDriver) -> LibvirtDriver:
    return make_driver()


def test_spawn_runs_the_guest(driver: LibvirtDriver) -> None:
    """A spawned guest runs with its size and stands in the list."""
    guest = make_guest()
    info = driver.spawn(guest)
    assert (info.uuid, info.power_state) == (guest.uuid, PowerState.RUNNING)
    assert (info.vcpus, info.max_memory_kib) == (2, 512 * 1024)
    assert [domain.uuid for domain in driver.list_domains(NODE)] == [guest.uuid]


def test_spawn_twice_is_spawn_once(driver: LibvirtDriver) -> None:
    """A guest that runs is accepted, one that is off is started."""
    guest = make_guest()
    driver.spawn(guest)
    assert driver.spawn(guest).power_state == PowerState.RUNNING
    driver.power_off(NODE, guest.uuid)
    assert driver.spawn(guest).power_state == PowerState.RUNNING
    assert len(driver.list_domains(NODE)) == 1


FAILURES = [
    "image.fetch: {failure: {message: no bytes}}",
    "network.plug: {failure: {message: no switch}}",
    "volume.attach: {failure: {message: no target}}",
    "domain.define: {failure: {message: no space}}",
    "domain.create: {failure: {message: no memory}}",
    "domain.create: {failure: {code: VIR_ERR_OPERATION_TIMEOUT, message: no answer}}",
    "domain.create: {when: {metadata: {team: 'a*'}, host: host-1}, failure: {message: no luck}}",
]


@pytest.mark.parametrize("stage", FAILURES)
def test_a_failed_spawn_leaves_the_node_as_before(make_driver: MakeDriver, stage: str) -> None:
    """Whatever fails, the other guests stay, nothing of this one does, and that is definite."""
    good = make_guest()
    make_driver().spawn(good)
    driver = make_driver(f"stages: {{{stage}}}")
    before = make_driver().list_domains(NODE)[0].uuid
    guest = make_guest()
    with pytest.raises(HypervisorError, match=r"no \w+") as caught:
        driver.spawn(guest)
    assert caught.value.definite
    assert [domain.uuid for domain in driver.list_domains(NODE)] == [before]


def test_a_failed_spawn_that_cannot_be_taken_back_says_so(make_driver: MakeDriver) -> None:
    """When even the cleaning up fails, the error is indefinite and a later destroy succeeds."""
    driver = make_driver("stages: {domain.create: {failure: {}}, domain.undefine: {failure: {}}}")
    guest = make_guest()
    with pytest.raises(HypervisorError, match="its domain is left") as caught:
        driver.spawn(guest)
    assert not caught.value.definite
    make_driver().destroy(NODE, guest.uuid)
    assert driver.list_domains(NODE) == []


def test_a_taken_name_is_refused(driver: LibvirtDriver) -> None:
    """Another instance's domain of the same name is neither accepted nor removed."""
    first = make_guest()
    driver.spawn(first)
    with pytest.raises(HypervisorError) as caught:
        driver.spawn(make_guest(name=first.name))
    assert caught.value.code == libvirt.VIR_ERR_OPERATION_FAILED
    assert driver.get_info(NODE, first.uuid).power_state == PowerState.RUNNING


def test_destroy_is_idempotent(driver: LibvirtDriver) -> None:
    """Running, off or absent: afterwards there is no domain, and its neighbours stay."""
    running, off, other = make_guest(), make_guest(), make_guest()
    for guest in (running, off, other):
        driver.spawn(guest)
    driver.power_off(NODE, off.uuid)
    for guest in (running, off, running, off):
        driver.destroy(NODE, guest.uuid)
    driver.destroy(NODE, str(uuid.uuid4()))
    assert [domain.uuid for domain in driver.list_domains(NODE)] == [other.uuid]


def test_destroy_ends_a_transient_guest(driver: LibvirtDriver, tmp_path: Path) -> None:
    """A guest that lost its definition is destroyed all the same."""
    guest = make_guest()
    driver.spawn(guest)
    uri = make_uri(tmp_path / "store", NODE)
    libvirt.open(uri).lookupByUUIDString(guest.uuid).undefine()
    driver.destroy(NODE, guest.uuid)
    assert driver.list_domains(NODE) == []


def test_a_failed_destroy_is_told(make_driver: MakeDriver) -> None:
    """A lost answer leaves open what has happened: the error is indefinite."""
    guest = make_guest()
    make_driver().spawn(guest)
    failure = "{code: VIR_ERR_SYSTEM_ERROR, message: busy}"
    driver = make_driver(f"stages: {{domain.destroy: {{failure: {failure}}}}}")
    with pytest.raises(HypervisorError, match="busy") as caught:
        driver.destroy(NODE, guest.uuid)
    assert not caught.value.definite


def test_power(driver: LibvirtDriver) -> None:
    """Power on and off are idempotent and show in the power state."""
    guest = make_guest()
    driver.spawn(guest)
    for _ in range(2):
        driver.power_off(NODE, guest.uuid)
        assert driver.get_info(NODE, guest.uuid).power_state == PowerState.SHUTDOWN
    for _ in range(2):
        driver.power_on(NODE, guest.uuid)
        assert driver.get_info(NODE, guest.uuid).power_state == PowerState.RUNNING
    for call in (driver.get_info, driver.power_on, driver.power_off, driver.reboot):
        with pytest.raises(NotFound):
            call(NODE, str(uuid.uuid4()))


def test_power_states_are_novas(driver: LibvirtDriver, tmp_path: Path) -> None:
    """libvirt's paused is Nova's PAUSED, and a guest that is off is SHUTDOWN."""
    guest = make_guest()
    driver.spawn(guest)
    libvirt.open(make_uri(tmp_path / "store", NODE)).lookupByUUIDString(guest.uuid).suspend()
    assert driver.get_info(NODE, guest.uuid).power_state == PowerState.PAUSED


@pytest.mark.parametrize("kind", ["SOFT", "HARD"])
def test_reboot_starts_the_guest_again(driver: LibvirtDriver, kind: str) -> None:
    """A rebooted guest runs, also one that was off."""
    guest = make_guest()
    driver.spawn(guest)
    driver.reboot(NODE, guest.uuid, kind)
    assert driver.get_info(NODE, guest.uuid).power_state == PowerState.RUNNING
    driver.power_off(NODE, guest.uuid)
    driver.reboot(NODE, guest.uuid, kind)
    assert driver.get_info(NODE, guest.uuid).power_state == PowerState.RUNNING


def test_a_deaf_guest_is_cut_off_after_its_timeout(make_driver: MakeDriver) -> None:
    """A guest that ignores the request is asked once, waited for, and then destroyed."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    driver = make_driver(
        "stages: {domain.shutdown: {failure: {kind: hang}}}", clock=lambda: now[0], sleep=sleep
    )
    guest = make_guest()
    driver.spawn(guest)
    driver.power_off(NODE, guest.uuid, timeout_s=20.0)
    assert now[0] == pytest.approx(20.0, abs=0.1)
    assert driver.get_info(NODE, guest.uuid).power_state == PowerState.SHUTDOWN


def test_node_resources(driver: LibvirtDriver) -> None:
    """A node tells its size and what its running guests take."""
    assert driver.get_available_nodes() == (NODE,)
    first, second = make_guest(), make_guest()
    driver.spawn(first)
    driver.spawn(second)
    driver.power_off(NODE, second.uuid)
    node = driver.get_node_resources(NODE)
    assert (node.vcpus, node.memory_mb, node.disk_gb, node.arch) == (64, 262144, 2000, "x86_64")
    assert (node.vcpus_used, node.memory_mb_used, node.running_vms) == (2, 512, 1)
    assert (node.hypervisor_hostname, node.hypervisor_type) == (NODE, "QEMU")
    assert node.hypervisor_version == 8002000


def test_connections_are_opened_once_and_again_after_a_fork(make_driver: MakeDriver) -> None:
    """A node's connection is reused, replaced when it is dead, and never taken into a child."""
    opened: list[str] = []
    driver = make_driver()
    inner = driver._uri_for_node

    def uri_for_node(node: str) -> str:
        opened.append(node)
        return inner(node)

    driver._uri_for_node = uri_for_node
    for _ in range(3):
        driver.list_domains(NODE)
    assert opened == [NODE]
    driver._connections[NODE].close()
    driver.list_domains(NODE)
    assert opened == [NODE, NODE]
    guest = make_guest()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            driver.spawn(guest)
            status = 0 if len(opened) == 3 else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert driver.get_info(NODE, guest.uuid).power_state == PowerState.RUNNING


PLATFORM = GuestPlatform(domain_type="kvm", arch="x86_64")


def test_the_document_tells_nova_what_it_is() -> None:
    """Names, size, owner, image, ports and addresses stand where Nova's tools look for them."""
    guest = make_guest()
    root = ET.fromstring(build_domain_xml(guest, PLATFORM))
    ns = {"nova": NOVA_NS}
    instance = root.find("metadata/nova:instance", ns)
    assert instance is not None
    assert root.get("type") == "kvm"
    assert (root.findtext("uuid"), root.findtext("vcpu")) == (guest.uuid, "2")
    assert root.findtext("memory") == str(512 * 1024)
    assert instance.findtext("nova:name", namespaces=ns) == "web <1>"
    flavor, project, image = (
        instance.find(path, ns) for path in ("nova:flavor", "nova:owner/nova:project", "nova:root")
    )
    assert flavor is not None
    assert project is not None
    assert image is not None
    assert (flavor.get("name"), project.get("uuid")) == ("m1.small", "p1")
    assert image.get("uuid") == guest.image_id
    addresses = [ip.get("address") for ip in instance.iterfind("nova:ports/nova:port/nova:ip", ns)]
    assert addresses == ["10.0.0.4", "fd::4"]


def disks_of(guest: GuestConfig) -> list[tuple[str, str]]:
    """Return (device, serial or file) of each disk in the guest's document."""
    root = ET.fromstring(build_domain_xml(guest, PLATFORM))
    found = []
    for disk in root.iterfind("devices/disk"):
        target, source = disk.find("target"), disk.find("source")
        assert target is not None
        assert source is not None
        name = disk.findtext("serial") or source.get("file", "")
        found.append((target.get("dev", ""), name))
    return found


def test_disks_get_names_in_order() -> None:
    """The root disk comes first, a boot volume before other volumes, and asked names are kept."""

    def volume(name: str, **changes: Any) -> GuestVolume:
        return GuestVolume(volume_id=name, source_path=f"/dev/{name}", **changes)

    assert disks_of(make_guest()) == [("vda", "/images/disk"), ("vdb", "vol-1")]
    guest = make_guest(volumes=(volume("a"), volume("b", device="/dev/vdb"), volume("c")))
    assert disks_of(guest) == [("vda", "/images/disk"), ("vdc", "a"), ("vdb", "b"), ("vdd", "c")]
    guest = make_guest(image_path=None, volumes=(volume("data"), volume("boot", is_boot=True)))
    assert disks_of(guest) == [("vda", "boot"), ("vdb", "data")]
    with pytest.raises(ValueError, match="all 26 disks"):
        next_device({f"vd{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"})


CAPABILITIES = (
    "<capabilities><host><cpu><arch>{arch}</arch></cpu></host><guest><os_type>hvm</os_type>"
    "<arch name='{arch}'>{types}</arch></guest></capabilities>"
)


@pytest.mark.parametrize(
    ("connection_type", "arch", "types", "expected"),
    [
        ("QEMU", "x86_64", ("qemu", "kvm"), "kvm"),
        ("QEMU", "aarch64", ("qemu",), "qemu"),
        ("TEST", "i686", ("test",), "test"),
        ("TEST", "i686", (), "test"),
    ],
)
def test_the_platform_is_what_the_connection_offers(
    connection_type: str, arch: str, types: tuple[str, ...], expected: str
) -> None:
    """kvm where QEMU has it, qemu where it has not, and libvirt's test driver its own type."""
    domains = "".join(f"<domain type='{kind}'/>" for kind in types)
    capabilities = CAPABILITIES.format(arch=arch, types=domains)
    assert choose_platform(connection_type, capabilities) == GuestPlatform(
        domain_type=expected, arch=arch
    )
