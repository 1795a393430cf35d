"""A guest's volume that goes on in another file: asked twice, at once, of what is not there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound, Unavailable
from devstack_lite.objects.compute import Flavor, Instance
from devstack_lite.states import VmState
from services.compute import guest_devices, volume_snapshots
from services.compute.driver import LibvirtDriver
from services.compute.guest import GuestVolume
from tests.unit.fake_hypervisor.test_disk_chains import files
from tests.unit.test_compute_driver import NODE, MakeDriver, make_driver, make_guest

__all__ = ["make_driver"]

CONTEXT = RequestContext(user_id="u", project_id="p")
BASE, A, B, C = (f"/vol/{name}" for name in ("base", "a", "b", "c"))


class VolumeService:
    """Notes what it is told of snapshots; says no when told to."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.error: Exception | None = None

    def update_snapshot_status(
        self, _context: RequestContext, snapshot_id: str, status: str
    ) -> None:
        self.told.append((snapshot_id, status))
        if self.error is not None:
            raise self.error


class Host:
    """A guest with a volume, on the fake hypervisor."""

    def __init__(self, driver: LibvirtDriver) -> None:
        self.driver = driver
        self.volume = VolumeService()
        guest = make_guest()
        driver.spawn(guest)
        volume = GuestVolume(volume_id="vol", source_path=BASE, device="/dev/vdc")
        self.device = guest_devices.attach_volume(driver, NODE, guest.uuid, volume)
        self.instance = Instance(
            uuid=guest.uuid, name="vm", project_id="p", user_id="u", image_ref="i", host="host-1",
            node=NODE, vm_state=VmState.ACTIVE,
            flavor=Flavor(id="1", name="m1.tiny", vcpus=1, memory_mb=512, root_gb=1),
        )  # fmt: skip

    def create(self, file: str, volume_id: str = "vol") -> str:
        """Have the volume go on in a file; return what the volume service was told."""
        peers: Any = self
        asked = {"snapshot_id": f"s-{file}", "type": "qcow2", "new_file": file}
        volume_snapshots.create(CONTEXT, self.instance, volume_id, asked, peers)
        snapshot_id, status = self.volume.told[-1]
        assert snapshot_id == f"s-{file}"
        return status

    def delete(self, **delete_info: Any) -> str:
        """Merge files; return what the volume service was told."""
        peers: Any = self
        asked = {"volume_id": "vol", "type": "qcow2", **delete_info}
        volume_snapshots.delete(CONTEXT, self.instance, "s", asked, peers)
        return self.volume.told[-1][1]

    def files(self) -> list[str]:
        """Return the files that the guest's volume consists of, as its documents agree."""
        with self.driver.domain("look at", NODE, self.instance.uuid) as domain:
            target = self.device.removeprefix("/dev/")
            running, defined = (
                files(domain, target, flags)
                for flags in (0, self.driver.libvirt.VIR_DOMAIN_XML_INACTIVE)
            )
        assert running == defined
        return running


@pytest.fixture(params=["running", "off"])
def host(request: pytest.FixtureRequest, make_driver: MakeDriver) -> Host:
    """A guest that runs, or is off."""
    made = Host(make_driver())
    if request.param == "off":
        made.driver.power_off(NODE, made.instance.uuid)
    return made


def test_there_and_back(host: Host) -> None:
    """Twice each: the second changes nothing and says the same."""
    for _ in range(2):
        assert host.create("a") == "creating"
        assert host.files() == [A, BASE]
    host.create("b")
    # What is below is there already: a message that comes late puts nothing on top.
    assert host.create("a") == "creating"
    assert host.files() == [B, A, BASE]
    for base, left in (("base", [B, BASE]), (None, [B])):
        for _ in range(2):
            assert host.delete(file_to_merge=base, merge_target_file=None) == "deleting"
            assert host.files() == left


def test_what_is_below_is_merged_down(make_driver: MakeDriver) -> None:
    """Between the files below the one that is written to; of a guest that runs."""
    host = Host(make_driver())
    for name in ("a", "b", "c"):
        host.create(name)
    for _ in range(2):
        assert host.delete(file_to_merge="b", merge_target_file="a") == "deleting"
        assert host.files() == [C, A, BASE]
    host.driver.power_off(NODE, host.instance.uuid)
    assert host.delete(file_to_merge="a", merge_target_file="base") == "error_deleting"
    assert host.files() == [C, A, BASE]


@pytest.mark.parametrize(
    "asked",
    [
        {"file_to_merge": "zzz", "merge_target_file": None},
        {"file_to_merge": "zzz", "merge_target_file": "yyy"},
        {"file_to_merge": "a", "merge_target_file": "base"},
        {"file_to_merge": None},
        {"type": "raw", "file_to_merge": None, "merge_target_file": None},
        {"volume_id": "another", "file_to_merge": None, "merge_target_file": None},
    ],
)
def test_what_cannot_be_merged_is_an_error_of_the_snapshot(host: Host, asked: Any) -> None:
    """Files that are not there or are written to, what nobody can read; the disk stays."""
    host.create("a")
    assert host.delete(**asked) == "error_deleting"
    assert host.files() == [A, BASE]


def test_what_is_not_there_has_no_snapshot(host: Host) -> None:
    """Another volume, and a guest that is gone."""
    assert host.create("a", volume_id="another") == "error"
    assert host.files() == [BASE]
    host.driver.destroy(NODE, host.instance.uuid)
    assert host.create("a") == "error"


def test_two_workers_at_once(make_driver: MakeDriver) -> None:
    """Both have seen the old file; one puts the new one on top, once."""
    host = Host(make_driver())
    both_have_seen = threading.Barrier(2)
    seen: Callable[[Any, str], Any] = volume_snapshots._disk
    waited: set[int] = set()

    def see(domain: Any, volume_id: str) -> Any:
        found = seen(domain, volume_id)
        if threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            both_have_seen.wait(10.0)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volume_snapshots, "_disk", see)
        workers = [threading.Thread(target=host.create, args=("a",)) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(10.0)
    assert host.volume.told == [("s-a", "creating")] * 2
    assert host.files() == [A, BASE]


@pytest.mark.parametrize("stage", ["disk.snapshot", "disk.merge"])
def test_what_the_hypervisor_refuses_leaves_the_disk(make_driver: MakeDriver, stage: str) -> None:
    """An error of the snapshot's; what it leaves open is not told, and asked for again."""
    broken = Host(make_driver(f"stages:\n  {stage}: {{failure: {{message: broken}}}}\n"))
    is_merge = stage == "disk.merge"

    def ask(host: Host) -> str:
        if is_merge:
            return host.delete(file_to_merge=None, merge_target_file=None)
        return host.create("a")

    if is_merge:
        broken.create("a")
    before = broken.files()
    assert ask(broken) == ("error_deleting" if is_merge else "error")
    assert broken.files() == before
    lost = "{failure: {code: VIR_ERR_OPERATION_TIMEOUT, message: no answer}}"
    silent = Host(make_driver(f"stages:\n  {stage}: {lost}\n"))
    if is_merge:
        silent.create("a")
    told = list(silent.volume.told)
    with pytest.raises(Unavailable):
        ask(silent)
    assert silent.volume.told == told


def test_a_volume_service_that_does_not_answer_is_asked_again(make_driver: MakeDriver) -> None:
    """One that does not know the snapshot is not; the disk has gone on either way."""
    host = Host(make_driver())
    host.volume.error = NotFound("no such snapshot")
    assert host.create("a") == "creating"
    host.volume.error = Unavailable("no answer")
    with pytest.raises(Unavailable):
        host.create("b")
    assert host.files() == [B, A, BASE]
