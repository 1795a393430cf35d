"""One daemon in front, at a terminal of its own: a breakpoint stops in it, and lets go again."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack_lite import holds, reaper
from devstack_lite.clients.http import Answer
from devstack_lite.exceptions import Unavailable
from devstack_lite.paths import DEPLOY
from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import BIN, WholeCloud

pytestmark = pytest.mark.cloud

METHOD = "    def index(self, req: Request) -> Json:\n"


class Terminal:
    """A program at a terminal, what it has written there, and a keyboard."""

    def __init__(self, *arguments: str, env: dict[str, str]) -> None:
        self.pid, self._keyboard = pty.fork()
        if self.pid == 0:
            os.execve(arguments[0], arguments, env)
        self._seen = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # Linux says EIO when the last writer is gone
            while part := os.read(self._keyboard, 4096):
                self._seen += part

    @property
    def text(self) -> str:
        return self._seen.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, words: str, timeout_s: float = 60.0) -> None:
        wait_until(lambda: words in self.text or self._is_over(), words, timeout_s)
        assert words in self.text, self.text

    def press(self, keys: str) -> None:
        """Type keys, and forget what stood there before."""
        self._seen.clear()
        os.write(self._keyboard, keys.encode())

    def end(self) -> int:
        """Wait until the program has ended; return its exit code."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        self._reader.join(10)
        os.close(self._keyboard)
        return os.waitstatus_to_exitcode(status)

    def _is_over(self) -> bool:
        return not self._reader.is_alive()


@pytest.fixture
def edited(tmp_path: Path) -> dict[str, str]:
    """Give what leads Python to a copy of the services in which somebody wrote breakpoint()."""
    shutil.copytree(DEPLOY.parent / "services", tmp_path / "services")
    path = tmp_path / "services" / "api" / "controllers" / "flavors.py"
    before = path.read_text()
    path.write_text(before.replace(METHOD, f"{METHOD}        breakpoint()\n"))
    assert path.read_text() != before
    return {"PYTHONPATH": str(tmp_path), "TERM": "dumb"}


@pytest.fixture
def terminal(whole_cloud: WholeCloud, edited: dict[str, str]) -> Iterator[Terminal]:
    """Run the api in front, the edited one, at a terminal."""
    env = {**os.environ, **edited, "DEVSTACK_LITE_HOME": str(whole_cloud.home)}
    found = Terminal(
        str(BIN / "devstack-lite"), "up", "--name", whole_cloud.name, "--debug", "api", env=env
    )
    yield found
    if found.pid:
        os.kill(found.pid, signal.SIGTERM)
        found.end()


def state_of(cloud: WholeCloud) -> str:
    return next(str(one["state"]) for one in cloud.status()["daemons"] if one["name"] == "api")


def ask(cloud: WholeCloud, path: str, answers: list[Answer]) -> None:
    answers.append(cloud.compute("GET", path))


def answers(cloud: WholeCloud) -> bool:
    """Say whether the api serves; connections to a predecessor end with an error first."""
    try:
        return cloud.compute("GET", "/servers").status == 200
    except Unavailable:
        return False


def test_a_breakpoint_stops_a_request_and_lets_it_go(
    whole_cloud: WholeCloud, terminal: Terminal
) -> None:
    """Others are answered meanwhile, the prompt shows the request, and afterwards it is answered.

    Ctrl-C gives the daemon back, from the files that the cloud was started from.
    """
    before = whole_cloud.workers("api")
    terminal.wait_for("serves in front, without forks")
    assert not any(reaper.ref(pid).is_alive() for pid in before)
    wait_until(lambda: answers(whole_cloud), "the api in front serves")
    whole_cloud.admin_token()
    found: list[Answer] = []
    request = threading.Thread(target=ask, args=(whole_cloud, "/flavors?limit=1", found))
    request.start()
    terminal.wait_for("(Pdb) ")
    assert "services/api/controllers/flavors.py" in terminal.text
    status = whole_cloud.status()
    assert (status["is_up"], state_of(whole_cloud)) == (True, "debugged")
    in_front = holds.holder_of(whole_cloud.record.state_dir, "api")
    assert in_front is not None
    assert whole_cloud.compute("GET", "/servers").status == 200
    assert (found, request.is_alive()) == ([], True)
    terminal.press("p req.GET['limit']\n")
    terminal.wait_for("'1'\n")
    terminal.press("c\n")
    request.join(20)
    assert [one.status for one in found] == [200]
    assert len(found[0].json()["flavors"]) == 1

    terminal.press("\x03")
    terminal.wait_for("api runs in the background again.")
    assert terminal.end() == 0
    assert not in_front.is_alive()
    assert state_of(whole_cloud) == "running"
    wait_until(lambda: answers(whole_cloud), "the api serves")
    assert whole_cloud.compute("GET", "/flavors?limit=1").status == 200


def test_ctrl_c_at_the_prompt(whole_cloud: WholeCloud, terminal: Terminal) -> None:
    """The daemon does not wait for whoever sits there; the client loses its answer."""
    terminal.wait_for("serves in front, without forks")
    wait_until(lambda: answers(whole_cloud), "the api in front serves")
    lost: list[Unavailable] = []

    def ask_in_vain() -> None:
        try:
            whole_cloud.compute("GET", "/flavors")
        except Unavailable as error:
            lost.append(error)

    whole_cloud.admin_token()
    request = threading.Thread(target=ask_in_vain)
    request.start()
    terminal.wait_for("(Pdb) ")
    terminal.press("\x03")
    terminal.wait_for("api runs in the background again.")
    assert terminal.end() == 0
    request.join(20)
    assert len(lost) == 1
    wait_until(lambda: answers(whole_cloud), "the api serves")


def test_a_killed_debugging_gives_the_daemon_back(
    whole_cloud: WholeCloud, terminal: Terminal
) -> None:
    """However it ends: the supervisor starts what nobody serves in the place of."""
    terminal.wait_for("serves in front, without forks")
    in_front = holds.holder_of(whole_cloud.record.state_dir, "api")
    assert in_front is not None
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.end() == -signal.SIGKILL
    assert reaper.wait_until_gone([in_front], 15.0)
    wait_until(lambda: state_of(whole_cloud) == "running", "the api is a daemon again", 30.0)
    wait_until(lambda: answers(whole_cloud), "the api serves", 30.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--debug", "compute"), "--debug takes one daemon: compute-host1, compute-host2"),
        (("--debug", "nothing"), "--debug takes one daemon: conductor"),
    ],
)
def test_what_cannot_be_debugged(
    whole_cloud: WholeCloud, arguments: tuple[str, ...], said: str
) -> None:
    """One sentence; nothing was touched."""
    before = whole_cloud.all_workers()
    with pytest.raises(AssertionError, match=said):
        whole_cloud.command("up", *arguments)
    assert whole_cloud.all_workers() == before
