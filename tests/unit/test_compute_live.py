"""What a host does to a guest that it sends away, whatever became of a first time."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Conflict, Unavailable
from devstack_lite.objects.compute import ABORT, FORCE_COMPLETE, LIVE_WISH, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import MIGRATION_CANCELLED, TaskState, VmState
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from services.compute import build, live
from services.compute.driver import HypervisorError, LibvirtDriver
from services.compute.guest import GuestConfig
from tests.unit.conftest import TINY

UUID = "6a3a9f0e-3b7a-4d1c-8a55-0d6f3f9b2c11"
FLAGS = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST


@dataclass
class Moves:
    """The conductor as it answers here."""

    is_mine: bool = True
    wish: str = ""
    reports: list[Json] = field(default_factory=list)

    def is_under_way(self, context: RequestContext, *, uuid: str, attempt: int) -> bool:
        return self.is_mine

    def note_live_progress(
        self, context: RequestContext, *, uuid: str, attempt: int, progress: Json
    ) -> str:
        self.reports.append(progress)
        return self.wish


@dataclass
class Cloud:
    """Two hosts, the driver of the first, and what is asked besides."""

    folder: Path
    profile: str
    moves: Moves = field(default_factory=Moves)

    def uri(self, host: str) -> str:
        return make_uri(self.folder / host, host, profile=self.profile)

    @property
    def driver(self) -> LibvirtDriver:
        return LibvirtDriver(
            libvirt, self.uri, uri_elsewhere=lambda host, _node: self.uri(host), spawn_stages=()
        )

    def peers(self) -> Any:
        return SimpleNamespace(driver=self.driver, moves=self.moves)

    def state(self, host: str) -> int | None:
        found = libvirt.open(self.uri(host)).listAllDomains()
        return found[0].state()[0] if found else None


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Return two hosts with a guest on the first, between which a guest needs half a minute."""
    profile = tmp_path / "slow.yaml"
    profile.write_text("stages: {domain.migrate: {delay: 30}}\n")
    found = Cloud(tmp_path, "instant")
    guest = GuestConfig(
        uuid=UUID, name="guest", node="host1", vcpus=1, memory_mb=64, root_gb=1, image_id="i",
        image_path="/disk", display_name="guest", flavor_name="m1.tiny", host="host1",
        project_id="p", user_id="u",
    )  # fmt: skip
    monkeypatch.setattr(build, "prepare_guest", lambda *_arguments: (guest, []))
    found.driver.spawn(guest)
    return found


def instance() -> Instance:
    return Instance(
        uuid=UUID, name="guest", project_id="p", user_id="u", flavor=TINY, image_ref="i",
        vm_state=VmState.ACTIVE, task_state=TaskState.MIGRATING, host="host1", node="host1",
        attempt=3,
        operation={"name": "run_live_migration",
                   "arguments": {"dest_host": "host2", "dest_node": "host2"}},
    )  # fmt: skip


def test_it_may_be_sent_twice(cloud: Cloud) -> None:
    """The second time finds it there, and nothing to do."""
    for _ in range(2):
        live.run_live_migration(instance(), cloud.peers())
        assert (cloud.state("host1"), cloud.state("host2")) == (None, libvirt.VIR_DOMAIN_RUNNING)


def test_one_that_was_killed_between_two_commits_is_put_in_order(cloud: Cloud) -> None:
    """Paused here and running there: it has arrived. Paused here alone: it has not gone."""
    here = libvirt.open(cloud.uri("host1"))
    store = here.hypervisor.store
    row = store.find("host1", UUID)
    assert row is not None
    live.run_live_migration(instance(), cloud.peers())
    half = {"state": libvirt.VIR_DOMAIN_PAUSED, "reason": libvirt.VIR_DOMAIN_PAUSED_MIGRATION}
    with store.transaction() as tx:
        tx.put(replace(row, **half))
    live.run_live_migration(instance(), cloud.peers())
    assert (cloud.state("host1"), cloud.state("host2")) == (None, libvirt.VIR_DOMAIN_RUNNING)
    cloud.driver.remove(libvirt.open(cloud.uri("host2")).lookupByUUIDString(UUID))
    with store.transaction() as tx:
        tx.put(replace(row, **half))
    live.run_live_migration(instance(), cloud.peers())
    assert (cloud.state("host1"), cloud.state("host2")) == (None, libvirt.VIR_DOMAIN_RUNNING)


def test_a_leftover_there_is_not_the_guest(cloud: Cloud) -> None:
    """What runs here is what goes there, not what some other time has left."""
    stale = libvirt.open(cloud.uri("host2")).defineXML(
        libvirt.open(cloud.uri("host1")).lookupByUUIDString(UUID).XMLDesc()
    )
    stale.create()
    live.run_live_migration(instance(), cloud.peers())
    arrived = libvirt.open(cloud.uri("host2")).lookupByUUIDString(UUID)
    assert arrived.state()[1] == libvirt.VIR_DOMAIN_RUNNING_MIGRATED


def test_a_fenced_attempt_sends_nothing(cloud: Cloud) -> None:
    cloud.moves.is_mine = False
    with pytest.raises(Unavailable):
        live.run_live_migration(instance(), cloud.peers())
    assert (cloud.state("host1"), cloud.state("host2")) == (libvirt.VIR_DOMAIN_RUNNING, None)


def test_it_is_followed_and_ended(cloud: Cloud, tmp_path: Path) -> None:
    """Its memory is reported while it goes; an abort leaves the guest where it was."""
    with pytest.raises(Conflict):
        live.end(cloud.driver, "host1", UUID, is_abort=True)
    cloud.profile = str(tmp_path / "slow.yaml")
    raised: list[HypervisorError] = []

    def send() -> None:
        try:
            live.run_live_migration(instance(), cloud.peers())
        except HypervisorError as error:
            raised.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    while not cloud.moves.reports:
        assert thread.is_alive()
        thread.join(0.01)
    live.end(cloud.driver, "host1", UUID, is_abort=True)
    thread.join(timeout=10)
    assert [str(error) for error in raised] == [MIGRATION_CANCELLED]
    assert cloud.moves.reports[0]["memory_total_bytes"] == 64 * 2**20
    assert (cloud.state("host1"), cloud.state("host2")) == (libvirt.VIR_DOMAIN_RUNNING, None)


def test_one_that_was_aborted_is_not_sent_again(cloud: Cloud) -> None:
    """Its first worker died before the guest could stay; one that has arrived stays there."""
    moving = instance()
    arguments = {**(moving.operation or {})["arguments"], LIVE_WISH: ABORT}
    aborted = replace(moving, operation={"name": "run_live_migration", "arguments": arguments})
    with pytest.raises(HypervisorError, match=MIGRATION_CANCELLED):
        live.run_live_migration(aborted, cloud.peers())
    assert (cloud.state("host1"), cloud.state("host2")) == (libvirt.VIR_DOMAIN_RUNNING, None)
    live.run_live_migration(moving, cloud.peers())
    live.run_live_migration(aborted, cloud.peers())
    assert (cloud.state("host1"), cloud.state("host2")) == (None, libvirt.VIR_DOMAIN_RUNNING)


@pytest.mark.parametrize(
    ("wish", "states"),
    [(ABORT, (libvirt.VIR_DOMAIN_RUNNING, None)),
     (FORCE_COMPLETE, (None, libvirt.VIR_DOMAIN_RUNNING))],
)  # fmt: skip
def test_it_hears_of_a_wish_that_another_worker_was_told(
    cloud: Cloud, tmp_path: Path, wish: str, states: tuple[int | None, int | None]
) -> None:
    """With its next report: the one who was told may be dead."""
    cloud.profile = str(tmp_path / "slow.yaml")
    cloud.moves.wish = wish
    with contextlib.suppress(HypervisorError):
        live.run_live_migration(instance(), cloud.peers())
    assert (cloud.state("host1"), cloud.state("host2")) == states
