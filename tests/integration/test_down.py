"""After `down` nothing of a cloud is left but its state folder, and with --wipe not even that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from devstack_lite import cloud as clouds
from devstack_lite import control, reaper, roster
from devstack_lite.broker import probe
from tests.integration.whole_cloud import WholeCloud, run

pytestmark = pytest.mark.cloud


@dataclass
class Machine:
    """Folders that stand for a machine's: a cloud that writes elsewhere would be seen."""

    root: Path
    name: str

    @property
    def state(self) -> Path:
        return self.root / "clouds"

    def command(self, *arguments: str) -> str:
        folders = {"HOME": "home", "TMPDIR": "tmp", "XDG_RUNTIME_DIR": "run"}
        env = {variable: str(self.root / folder) for variable, folder in folders.items()}
        env["XDG_STATE_HOME"] = env["XDG_CACHE_HOME"] = env["XDG_CONFIG_HOME"] = env["HOME"]
        return run("devstack-lite", *arguments, "--name", self.name, home=self.state, env=env)

    def elsewhere(self) -> list[str]:
        """Return the files outside the state folder."""
        return [
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if path.is_file() and self.state not in path.parents
        ]

    def processes(self) -> list[str]:
        """Return the processes that have to do with the cloud's state folder, whoever they are."""
        own = str(self.state / self.name)
        found = []
        for process in psutil.process_iter():
            try:
                said = [process.cwd(), *process.cmdline(), *process.environ().values()]
            except psutil.Error:
                continue
            if any(own in text for text in said):
                found.append(f"{process.pid} {' '.join(process.cmdline())[:60]}")
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine for one cloud, with nothing running on it after the test."""
    made = Machine(root=tmp_path, name=f"down-{os.getpid()}")
    for folder in ("home", "tmp", "run"):
        (tmp_path / folder).mkdir()
    yield made
    found = roster.read(made.state / made.name)
    if found is not None:
        reaper.kill_sessions([found.ref, *(one.ref for one in found.daemons.values())])
        reaper.kill_sessions(found.broker)


def test_down_leaves_the_state_folder_alone(machine: Machine) -> None:
    """No process, port, broker or other file is left; with --wipe the folder is gone too."""
    machine.command("up", "--hosts", "1", "--broker", "local")
    machine.command("boot", "vm", "--wait")
    cloud = clouds.load(machine.state / machine.name)
    assert cloud is not None
    found = roster.read(cloud.state_dir)
    assert found is not None
    sessions = [found.ref, *found.broker, *(entry.ref for entry in found.daemons.values())]
    before = [member for leader in sessions for member in reaper.session_members(leader)]
    assert len(before) >= 20
    assert machine.processes()
    every_port = [*cloud.ports.values(), cloud.broker.port, cloud.broker.dist_port,
                  cloud.broker.epmd_port]  # fmt: skip
    assert sorted(control.listening(cloud)) == sorted(every_port)
    assert set(probe.queue_depths(cloud.broker, ["conductor"])) == {"conductor"}

    machine.command("down")
    assert [one for one in before if one.is_alive()] == []
    assert machine.processes() == []
    assert control.listening(cloud) == []
    with pytest.raises(OSError, match="refused"):
        probe.queue_depths(cloud.broker, ["conductor"])
    assert machine.elsewhere() == []
    assert (cloud.state_dir / "cloud.json").exists()

    machine.command("down", "--wipe")
    assert list(machine.state.iterdir()) == []
    assert machine.elsewhere() == []


def test_state_is_readable_by_its_owner_alone(whole_cloud: WholeCloud) -> None:
    """The state folder is 0700, and no file with a secret in it can be read by others."""
    record = whole_cloud.record
    assert record.state_dir.stat().st_mode & 0o777 == 0o700
    own = record.secrets
    secrets = (own.admin_password, own.demo_password, own.service_password, record.broker.password)
    open_to_others = []
    for path in record.state_dir.rglob("*"):
        if path.is_file() and path.stat().st_mode & 0o077:
            content = path.read_bytes()
            if any(secret.encode() in content for secret in secrets):
                open_to_others.append(str(path.relative_to(record.state_dir)))
    assert open_to_others == []
