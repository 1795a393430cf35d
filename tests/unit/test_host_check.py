"""When a worker compares its host with the database."""

from __future__ import annotations

import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devstack_lite.objects.compute import FoundDomain, HostFindings
from services.compute import host_check
from services.compute.config_drive import ConfigDrives, path_of
from services.compute.host_check import HostCheck

STRAY = FoundDomain(uuid="stray", node="host1", power_state=1)


class Host:
    """A hypervisor with one domain, and a conductor whose answers are given."""

    drives: ConfigDrives | None = None

    def __init__(self, *answers: HostFindings) -> None:
        self.answers = list(answers)
        self.destroyed: list[str] = []

    def get_available_nodes(self) -> list[str]:
        return ["host1"]

    def list_domains(self, _node: str) -> list[Any]:
        return [STRAY]

    def destroy(self, _node: str, uuid: str) -> None:
        self.destroyed.append(uuid)

    def compare_host(self, *_context: Any, **_found: Any) -> HostFindings:
        return self.answers.pop(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(host_check, "time", SimpleNamespace(monotonic=lambda: now.s))
    return now


def test_who_looks_once_goes_on_until_all_is_settled(clock: SimpleNamespace) -> None:
    """A worker's predecessor died over a build: where that goes on is not known at first."""
    host = Host(HostFindings(look_again_s=5.0), HostFindings(ownerless=(STRAY,)))
    conf: Any = SimpleNamespace(host="host1")
    fake: Any = host
    check = HostCheck(conf, fake, fake, every_s=math.inf)
    check.run_if_due()
    clock.s += 4.0
    check.run_if_due()
    assert len(host.answers) == 1
    clock.s += 1.0
    check.run_if_due()
    assert host.destroyed == ["stray"]
    clock.s += 1_000_000.0
    check.run_if_due()  # would find no answer
    assert host.answers == []


def test_a_young_drive_without_a_guest_is_looked_at_again(
    clock: SimpleNamespace, tmp_path: Path
) -> None:
    """Its guest may be about to be defined; once it is older, nobody defines one."""
    host = Host(HostFindings(), HostFindings())
    host.drives = ConfigDrives(lambda _node: tmp_path, None)
    host.drives.put("host1", "left", b"CD")
    conf: Any = SimpleNamespace(host="host1")
    fake: Any = host
    check = HostCheck(conf, fake, fake, every_s=math.inf)
    assert check.run() == host_check.DRIVE_S
    path = tmp_path / path_of("left").lstrip("/")
    old = path.stat().st_mtime - host_check.DRIVE_S
    os.utime(path, (old, old))
    assert check.run() == math.inf
    assert not path.exists()


def test_who_keeps_the_host_looks_again(clock: SimpleNamespace) -> None:
    host = Host(HostFindings(), HostFindings(), HostFindings())
    conf: Any = SimpleNamespace(host="host1")
    fake: Any = host
    check = HostCheck(conf, fake, fake, every_s=60.0)
    check.run_if_due()
    clock.s += 59.0
    check.run_if_due()
    assert len(host.answers) == 2
    clock.s += 1.0
    check.run_if_due()
    assert len(host.answers) == 1
    check.hasten()
    check.run_if_due()
    assert host.answers == []
