"""Config drives: what is on the CD, and that each node has those of its own guests."""

from __future__ import annotations

import io
import json
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pycdlib
import pytest

from devstack_lite.instance_metadata.content import InstanceMetadata, Settings
from devstack_lite.objects.compute import Flavor, Instance
from devstack_lite.objects.facts import InstanceFacts
from devstack_lite.states import VmState
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from services.compute.config_drive import ConfigDrives, is_wanted, make_iso, path_of
from services.compute.driver import HypervisorError, LibvirtDriver
from tests.unit.test_compute_driver import NODE, make_guest

UUID = "7a7a7a7a-0000-4000-8000-000000000001"


def make_instance(**changes: Any) -> Instance:
    values: dict[str, Any] = {
        "uuid": UUID, "name": "web", "hostname": "web", "project_id": "p", "user_id": "u",
        "flavor": Flavor(id="1", name="m1.tiny", vcpus=1, memory_mb=1, root_gb=1),
        "image_ref": "i" * 8, "vm_state": VmState.BUILDING, "key_name": "mine",
        "boot_request": {"key_data": "ssh-rsa AAAA"}, "user_data": "aGVsbG8=",
    }  # fmt: skip
    return Instance(**values | changes)


def read_iso(content: bytes) -> dict[str, bytes]:
    """Return the files of a CD by path, as a guest with Rock Ridge sees them."""
    iso = pycdlib.PyCdlib()
    iso.open_fp(io.BytesIO(content))
    assert iso.pvd.volume_identifier.decode().strip() == "config-2"
    found = {}
    for folder, _folders, names in iso.walk(rr_path="/"):
        for name in names:
            path = f"{folder.rstrip('/')}/{name}"
            into = io.BytesIO()
            iso.get_file_from_iso_fp(into, rr_path=path)
            found[path.lstrip("/")] = into.getvalue()
    iso.close()
    return found


def test_a_cd_holds_what_the_metadata_api_says() -> None:
    """Both trees, each version with the files of its time; nothing that only a guest writes."""
    known = InstanceMetadata(
        instance=make_instance(), facts=InstanceFacts(availability_zone="az"),
        settings=Settings(dhcp_domain="local", vendor_data={"a": 1}),
    )  # fmt: skip
    found = read_iso(make_iso(known.drive_files()))
    assert found["openstack/latest/user_data"] == found["ec2/latest/user-data"] == b"hello"
    assert json.loads(found["openstack/latest/vendor_data2.json"]) == {"static": {"a": 1}}
    meta = json.loads(found["openstack/latest/meta_data.json"])
    assert (meta["uuid"], meta["hostname"], meta["availability_zone"]) == (UUID, "web.local", "az")
    ec2 = json.loads(found["ec2/2009-04-04/meta-data.json"])
    assert ec2["public-keys"] == {"0": {"openssh-key": "ssh-rsa AAAA"}}
    oldest = {path.rpartition("/")[2] for path in found if path.startswith("openstack/2012-08-10")}
    assert oldest == {"meta_data.json", "user_data"}
    assert [path for path in found if "password" in path] == []
    for version in ("2013-10-17", "2020-10-14"):
        path = f"openstack/{version}/vendor_data.json"
        assert found[path] == known.lookup(path).body
    assert {path.split("/")[1] for path in found if path.startswith("ec2/")} == {
        "2009-04-04", "latest",
    }  # fmt: skip


def test_injected_files_are_on_the_cd_alone() -> None:
    """Under numbers that the metadata beside them leads from to their names."""
    files = ({"path": "/a", "contents": "YQ=="}, {"path": "/b", "contents": "YmI="})
    known = InstanceMetadata(
        instance=make_instance(), facts=InstanceFacts(), settings=Settings(), files=files
    )
    found = read_iso(make_iso(known.drive_files()))
    assert json.loads(found["openstack/latest/meta_data.json"])["files"] == [
        {"content_path": "/content/0000", "path": "/a"},
        {"content_path": "/content/0001", "path": "/b"},
    ]
    assert [found[f"openstack/content/000{number}"] for number in (0, 1)] == [b"a", b"bb"]
    plain = InstanceMetadata(instance=make_instance(), facts=InstanceFacts(), settings=Settings())
    assert "files" not in json.loads(plain.lookup("openstack/latest/meta_data.json").body)


def test_who_wants_a_drive() -> None:
    """A user who asks for it, and an image that cannot do without."""
    assert not is_wanted(make_instance())
    assert is_wanted(make_instance(config_drive=True))
    for value, wanted in (("mandatory", True), ("optional", False)):
        asked = {"image_properties": {"img_config_drive": value}}
        assert is_wanted(make_instance(boot_request=asked)) is wanted


MakeDriver = Callable[[str], LibvirtDriver]


@pytest.fixture
def make_driver(tmp_path: Path) -> MakeDriver:
    """Make the driver of a host."""

    def make(host: str) -> LibvirtDriver:
        store = tmp_path / host
        drives = ConfigDrives(lambda node: store / node, lambda h, node: tmp_path / h / node)
        return LibvirtDriver(libvirt, lambda node: make_uri(store, node), drives=drives)

    return make


def drives_in(folder: Path) -> dict[str, bytes]:
    """Return the drives that there are, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "instances" in path.parts
    }


def test_a_guest_has_its_drive_while_it_is_there(make_driver: MakeDriver, tmp_path: Path) -> None:
    """A read-only CD in its XML, the file on its node; both are gone with the guest."""
    driver = make_driver("host1")
    guest = make_guest(config_drive=b"CD", config_drive_path=path_of("x"))
    driver.spawn(guest)
    expected = f"host1/{NODE}/var/lib/nova/instances/{guest.uuid}/disk.config"
    assert drives_in(tmp_path) == {expected: b"CD"}
    with driver.domain("read", NODE, guest.uuid) as domain:
        [cd] = ET.fromstring(domain.XMLDesc(0)).findall("devices/disk[@device='cdrom']")
    source = cd.find("source")
    assert source is not None
    assert (source.get("file"), cd.find("readonly") is None) == (path_of("x"), False)
    driver.destroy(NODE, guest.uuid)
    driver.destroy(NODE, guest.uuid)
    assert drives_in(tmp_path) == {}
    assert list((tmp_path / "host1" / NODE).rglob(guest.uuid)) == []


def test_a_drive_that_another_removes_meanwhile_is_gone_for_both(tmp_path: Path) -> None:
    """The workers of a host may look at what it has at the same time."""
    roots = tmp_path / "drives"
    drives = ConfigDrives(lambda _node: roots, None)
    with ThreadPoolExecutor(4) as pool:
        for number in range(50):
            drives.put(NODE, f"uuid-{number}", b"CD")
            removals = [pool.submit(drives.remove, NODE, f"uuid-{number}") for _ in range(4)]
            assert [one.result() for one in removals] == [None] * 4
    assert drives_in(roots) == {}


def test_a_guest_without_one_has_no_cd(make_driver: MakeDriver, tmp_path: Path) -> None:
    """No file, and no device."""
    driver, guest = make_driver("host1"), make_guest()
    driver.spawn(guest)
    assert drives_in(tmp_path) == {}
    with driver.domain("read", NODE, guest.uuid) as domain:
        assert "cdrom" not in domain.XMLDesc(0)


def test_a_failed_spawn_leaves_no_drive(make_driver: MakeDriver, tmp_path: Path) -> None:
    """A name that another guest has: the node is as before."""
    driver, first = make_driver("host1"), make_guest(config_drive=b"1")
    driver.spawn(first)
    before = drives_in(tmp_path)
    with pytest.raises(HypervisorError):
        driver.spawn(make_guest(name=first.name, config_drive=b"2"))
    assert drives_in(tmp_path) == before


def test_what_a_dead_worker_wrote_for_no_guest_goes(
    make_driver: MakeDriver, tmp_path: Path
) -> None:
    """A drive without a guest, and half of one; not what is young, nor what a guest has."""
    driver = make_driver("host1")
    driver.spawn(make_guest(config_drive=b"CD"))
    kept = drives_in(tmp_path)
    drives = driver.drives
    assert drives is not None
    drives.put(NODE, "left", b"CD")
    draft = tmp_path / "host1" / NODE / path_of("half").lstrip("/").replace("disk", ".disk")
    draft.parent.mkdir()
    draft.with_name(f"{draft.name}.99").write_bytes(b"C")
    guests = {info.uuid for info in driver.list_domains(NODE)}
    now = time.time()
    assert drives.remove_left(NODE, guests, written_before=now - 60.0) == ([], True)
    removed, is_fresh = drives.remove_left(NODE, guests, written_before=now + 1.0)
    assert (sorted(removed), is_fresh) == (["half", "left"], False)
    assert drives_in(tmp_path) == kept
    assert len(list((tmp_path / "host1" / NODE).rglob("instances/*"))) == 1


def test_a_drive_follows_its_guest(make_driver: MakeDriver, tmp_path: Path) -> None:
    """The other host has it then, and another one's drive is none of its business."""
    drives = make_driver("host1").drives
    assert drives is not None
    drives.put("n1", "u", b"1")
    drives.put_elsewhere("host2", "n2", "u", b"2")
    drives.put_elsewhere("host2", "n2", "u", b"3")
    drives.remove("n1", "u")
    path = path_of("u").lstrip("/")
    assert drives_in(tmp_path) == {f"host2/n2/{path}": b"3"}
