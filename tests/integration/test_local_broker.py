"""The private RabbitMQ node, started for real."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devstack_lite import ports, reaper
from devstack_lite.broker import choose, external, local, probe
from devstack_lite.cloud import Broker, CloudError
from tests.integration.conftest import wait_until

pytestmark = pytest.mark.cloud

Make = Callable[[str], tuple[local.LocalBroker, Broker]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[local.LocalBroker] = []

    def make_one(name: str) -> tuple[local.LocalBroker, Broker]:
        record = choose.choose("local", name)
        made.append(local.LocalBroker(record, name, tmp_path / name))
        return made[-1], record

    yield make_one
    for broker in made:
        broker.stop(5.0)


def own_ports(record: Broker) -> list[int]:
    return [record.port, record.dist_port, record.epmd_port]


def test_it_answers_on_loopback_and_leaves_nothing(make: Make) -> None:
    """A started node lets its user in, listens on loopback alone, and is gone after stop."""
    broker, record = make("one")
    broker.start()
    assert local.wait_until_ready(broker, 30.0), broker.last_words()
    assert probe.refusal(record) is None
    family = [
        process
        for pid in broker.pids()
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    ]
    listening = {
        (one.laddr.ip, one.laddr.port)
        for process in family
        for one in process.net_connections()
        if one.status == psutil.CONN_LISTEN
    }
    assert {port for _, port in listening} == set(own_ports(record))
    assert {ip for ip, _ in listening} <= {"127.0.0.1", "::1"}

    refs = [reaper.ref(process.pid) for process in family]
    broker.stop(10.0)
    assert reaper.wait_until_gone(refs, 2.0)
    assert ports.listening(own_ports(record)) == []


def test_a_wrong_login_is_refused(make: Make) -> None:
    """Neither another password nor another vhost gets in, and the refusal says which it was."""
    broker, record = make("one")
    broker.start()
    assert local.wait_until_ready(broker, 30.0), broker.last_words()
    assert "password" in str(probe.refusal(dataclasses.replace(record, password="wrong")))
    assert "vhost" in str(probe.refusal(dataclasses.replace(record, vhost="wrong")))
    runner = external.ExternalBroker(dataclasses.replace(record, password="wrong"))
    with pytest.raises(CloudError, match="cannot be used: it refuses the user or the password"):
        runner.start()
    assert external.parse(record.transport_url) == dataclasses.replace(
        record, kind="external", dist_port=0, epmd_port=0
    )


def test_two_nodes_run_side_by_side_and_one_restarts(make: Make) -> None:
    """Each node has its own user and vhost, which are there again after a restart."""
    one, record = make("one")
    two, other = make("two")
    one.start()
    two.start()
    assert local.wait_until_ready(one, 40.0), one.last_words()
    assert local.wait_until_ready(two, 40.0), two.last_words()
    assert probe.refusal(dataclasses.replace(record, port=other.port)) is not None
    one.stop(10.0)
    assert probe.refusal(other) is None
    one.start()
    assert local.wait_until_ready(one, 30.0), one.last_words()
    assert probe.refusal(record) is None


def test_a_node_that_cannot_start_says_why(make: Make, tmp_path: Path) -> None:
    """A node whose port is taken ends, also with all applications, and its last words are known."""
    first, record = make("one")
    first.start()
    assert local.wait_until_ready(first, 30.0), first.last_words()
    spare = dataclasses.replace(choose.choose("local", "two"), port=record.port)
    second = local.LocalBroker(spare, "two", tmp_path / "two")
    try:
        second.start()
        wait_until(lambda: second.exit_code() is not None, "the node's end", 40.0)
        assert "eaddrinuse" in second.last_words()
    finally:
        second.stop(5.0)


def test_without_links_to_applications_all_are_there(make: Make, tmp_path: Path) -> None:
    """A server whose folders are not as expected is started with everything it has."""
    broker, _ = make("one")
    assert local._make_slim_home(tmp_path / "slim", tmp_path / "none" / "bin" / "server") is None
    broker._is_slim = False
    broker.start()
    assert local.wait_until_ready(broker, 40.0), broker.last_words()
    assert not (tmp_path / "one" / "broker" / "server").exists()


def test_a_missing_server_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without RabbitMQ the one sentence says what to install."""
    monkeypatch.setattr(local, "_SCRIPT_FOLDERS", ())
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(CloudError, match="install the package rabbitmq-server"):
        choose.choose("local", "one")
