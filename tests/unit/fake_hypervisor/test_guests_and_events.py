"""What guests do by themselves, and who is told."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_hypervisor import libvirt
from fake_hypervisor.events import EventLoop
from fake_hypervisor.hypervisor import Hypervisor
from fake_hypervisor.stages import StageEngine
from fake_hypervisor.store import Store

Connect = Callable[..., libvirt.virConnect]
MakeXml = Callable[..., str]
U1 = str(uuid.UUID(int=1))

SLOW = """
stages:
  domain.shutdown:
    - when: {metadata: {deaf: "yes"}}
      failure: {kind: hang}
    - delay: 10
  domain.reboot: {delay: 5}
"""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hypervisor(tmp_path: Path, clock: Clock) -> Hypervisor:
    """Return a hypervisor of slow guests, whose time this test moves."""
    profile = tmp_path / "slow.yaml"
    profile.write_text(SLOW)
    return Hypervisor(Store(tmp_path), StageEngine.load(str(profile), 1), clock=clock)


def test_a_guest_shuts_down_in_its_own_time(
    hypervisor: Hypervisor, clock: Clock, make_xml: MakeXml
) -> None:
    """shutdown returns at once; the guest is off ten seconds later, whoever looks first."""
    hypervisor.define("n", make_xml("one", U1))
    hypervisor.perform("n", U1, "one", "create")
    hypervisor.perform("n", U1, "one", "shutdown")
    clock.now += 4
    hypervisor.perform("n", U1, "one", "shutdown")  # asking again does not start it afresh
    clock.now += 5.9
    assert hypervisor.count_domains("n") == (1, 0)
    clock.now += 0.1
    assert hypervisor.count_domains("n") == (0, 1)
    assert hypervisor.require("n", U1).reason == libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN


def test_a_transient_guest_takes_its_domain_with_it(
    hypervisor: Hypervisor, clock: Clock, make_xml: MakeXml
) -> None:
    """A transient domain whose guest has shut down is gone for every call."""
    hypervisor.create_transient("n", make_xml("one", U1), paused=False)
    hypervisor.perform("n", U1, "one", "shutdown")
    clock.now += 10
    with pytest.raises(libvirt.libvirtError) as caught:
        hypervisor.perform("n", U1, "one", "suspend")
    assert caught.value.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN
    assert hypervisor.find("n", U1) is None
    assert hypervisor.list_domains("n") == []


def test_a_destroyed_guest_forgets_its_shutdown(
    hypervisor: Hypervisor, clock: Clock, make_xml: MakeXml
) -> None:
    """What a guest meant to do dies with it: the next one is not shut down."""
    hypervisor.define("n", make_xml("one", U1))
    hypervisor.perform("n", U1, "one", "create")
    hypervisor.perform("n", U1, "one", "shutdown")
    hypervisor.perform("n", U1, "one", "destroy")
    hypervisor.perform("n", U1, "one", "create")
    clock.now += 20
    assert hypervisor.count_domains("n") == (1, 0)


def test_a_deaf_guest_ignores_shutdown(
    hypervisor: Hypervisor, clock: Clock, make_xml: MakeXml
) -> None:
    """A hang of the guest's own operation is a request that it never follows."""
    deaf = "<entry key='deaf'>yes</entry>"
    hypervisor.define("n", make_xml("one", U1, metadata=deaf))
    hypervisor.perform("n", U1, "one", "create")
    hypervisor.perform("n", U1, "one", "shutdown")
    clock.now += 10_000
    assert hypervisor.count_domains("n") == (1, 0)


def test_a_reboot_starts_the_uptime_again(
    hypervisor: Hypervisor, clock: Clock, make_xml: MakeXml
) -> None:
    """The guest restarts five seconds after it was asked to, and never leaves RUNNING."""
    hypervisor.define("n", make_xml("one", U1))
    hypervisor.perform("n", U1, "one", "create")
    clock.now += 100
    hypervisor.perform("n", U1, "one", "reboot")
    clock.now += 50
    row = hypervisor.require("n", U1)
    assert (row.state, row.started_at) == (libvirt.VIR_DOMAIN_RUNNING, clock.now - 45)


Seen = list[tuple[str, int, int]]


def record(seen: Seen) -> Callable[..., None]:
    """Return a callback that writes events down."""

    def callback(
        _conn: libvirt.virConnect,
        domain: libvirt.virDomain,
        event: int,
        detail: int,
        _opaque: object,
    ) -> None:
        seen.append((domain.name(), event, detail))

    return callback


def run_until(condition: Callable[[], bool], deadline_s: float = 10.0) -> None:
    """Run the event loop until the condition holds."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline
        libvirt.virEventRunDefaultImpl()


def test_lifecycle_events_in_order(connect: Connect, make_xml: MakeXml) -> None:
    """Each change of the node's own domains arrives once, in the order in which it happened."""
    libvirt.virEventRegisterDefaultImpl()
    conn, other = connect("a"), connect("b")
    seen: Seen = []
    conn.defineXML(make_xml("before"))
    callback_id = conn.domainEventRegisterAny(
        None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, record(seen), None
    )
    domain = conn.defineXML(make_xml("one", U1))
    other.defineXML(make_xml("elsewhere"))
    for call in ("create", "suspend", "resume", "shutdown", "undefine"):
        getattr(domain, call)()
    run_until(lambda: len(seen) >= 7)
    assert seen == [
        ("one", libvirt.VIR_DOMAIN_EVENT_DEFINED, libvirt.VIR_DOMAIN_EVENT_DEFINED_ADDED),
        ("one", libvirt.VIR_DOMAIN_EVENT_STARTED, libvirt.VIR_DOMAIN_EVENT_STARTED_BOOTED),
        ("one", libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED),
        ("one", libvirt.VIR_DOMAIN_EVENT_RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_UNPAUSED),
        ("one", libvirt.VIR_DOMAIN_EVENT_SHUTDOWN, libvirt.VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED),
        ("one", libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN),
        ("one", libvirt.VIR_DOMAIN_EVENT_UNDEFINED, libvirt.VIR_DOMAIN_EVENT_UNDEFINED_REMOVED),
    ]
    conn.domainEventDeregisterAny(callback_id)
    with pytest.raises(libvirt.libvirtError):
        conn.domainEventDeregisterAny(callback_id)


def test_events_of_another_process_arrive(conn: libvirt.virConnect, make_xml: MakeXml) -> None:
    """A domain that a forked worker defines is told of here, and only to whom it concerns."""
    all_seen: Seen = []
    mine_seen: Seen = []
    mine = conn.defineXML(make_xml("mine"))
    lifecycle = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
    conn.domainEventRegisterAny(None, lifecycle, record(all_seen), None)
    conn.domainEventRegisterAny(mine, lifecycle, record(mine_seen), None)
    pid = os.fork()
    if pid == 0:
        try:
            conn.defineXML(make_xml("other"))
            conn.lookupByName("mine").create()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    run_until(lambda: len(all_seen) == 2 and len(mine_seen) == 1)
    assert [name for name, _event, _detail in all_seen] == ["other", "mine"]
    assert [name for name, _event, _detail in mine_seen] == ["mine"]
    conn.close()


def test_a_guest_that_stops_by_itself_is_told_of(
    tmp_path: Path, connect: Connect, make_xml: MakeXml
) -> None:
    """The event loop carries out what is due even when nobody asks for the domain."""
    profile = tmp_path / "quick.yaml"
    profile.write_text("stages: {domain.shutdown: {delay: 0.05}}")
    conn = connect(profile=str(profile))
    seen: Seen = []
    domain = conn.createXML(make_xml("one", U1))
    conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, record(seen), None)
    domain.shutdown()
    assert domain.isActive() == 1
    run_until(lambda: len(seen) == 2)
    assert seen[1][1] == libvirt.VIR_DOMAIN_EVENT_STOPPED
    conn.close()


def test_only_lifecycle_events_exist(conn: libvirt.virConnect) -> None:
    """Registering for another kind of event is refused as unsupported."""
    with pytest.raises(libvirt.libvirtError) as caught:
        conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, record([]), None)
    assert caught.value.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT
    assert EventLoop().run_once(wait_s=0) == 0
