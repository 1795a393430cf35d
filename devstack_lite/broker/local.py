"""A RabbitMQ node of the cloud's own, run from the installed rabbitmq-server.

Never the machine's instance: node name, ports, user, vhost, cookie, data, log and epmd are the
cloud's, everything listens on loopback, and every file is in `<state>/broker`. Works as any user.

What makes its start quick (RabbitMQ 3.10, Erlang 25, two cores; seconds to the first AMQP answer):

- The server script starts with a folder of the applications the broker needs instead of all sixty
  plugins: Erlang looks for each of 1,500 modules in one folder after the other. 5.8 becomes 2.8.
  A server that does not come up like that is started again with all it has.
- A process table for 65,536 processes instead of a million: 0.2 s and 10 MB.
- User and vhost come from the environment at the first start; a control tool takes 0.3 s for each.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import time
from pathlib import Path

from devstack_lite import reaper
from devstack_lite.broker import probe
from devstack_lite.cloud import Broker, CloudError, make_private_folder, write_private
from devstack_lite.paths import DEPLOY

_SCRIPT_FOLDERS = (
    "/usr/lib/rabbitmq/bin",
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/opt/rabbitmq*/sbin",
    "/usr/local/opt/rabbitmq/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
)
_MISSING = (
    "RabbitMQ is not installed: install the package rabbitmq-server (Debian: apt-get install"
    " rabbitmq-server), or start a docker engine, or give --broker URL."
)
_TOOL_S = 60.0
_PUBLISHED = (
    "maps:get(messages_received_total,"
    " maps:get([{protocol, amqp091}], rabbit_global_counters:overview()))."
)
_LOOPBACK = "{127,0,0,1}"


def find_server() -> Path:
    """Return the server's own start script. Raises CloudError when there is none.

    Not the wrapper in /usr/sbin, which changes the user and the paths.
    """
    on_path = shutil.which("rabbitmq-server")
    folders = [
        *(folder for pattern in _SCRIPT_FOLDERS for folder in sorted(Path("/").glob(pattern[1:]))),
        *([Path(on_path).resolve().parent] if on_path else []),
    ]
    for folder in folders:
        if (folder / "rabbitmq-server").exists() and (folder / "rabbitmq-env").exists():
            return folder / "rabbitmq-server"
    raise CloudError(_MISSING)


class LocalBroker:
    """Runs the private node of one cloud."""

    def __init__(self, broker: Broker, name: str, state_dir: Path) -> None:
        self._broker = broker
        self._name = name
        self._home = state_dir / "broker"
        self._epmd: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._is_slim = True
        self._was_ready = False
        self._has_worked = False

    def start(self) -> None:
        """Start epmd and the node; the node answers some seconds later."""
        server = find_server()
        self._write_files()
        if self._epmd is None or self._epmd.poll() is not None:
            self._epmd = self._start_epmd()
        self._start_node(server)

    def is_ready(self) -> bool:
        """Say whether the node answers; its listener comes up last."""
        if probe.answers(self._broker.host, self._broker.port):
            self._was_ready = self._has_worked = True
        return self._was_ready

    def exit_code(self) -> int | None:
        """Return how the node ended; a slim one that never came up is started again in full."""
        if self._node is None:
            return None
        code = self._node.poll()
        if code is not None and self._is_slim and not self._has_worked:
            self._is_slim = False
            self._start_node(find_server())
            return None
        return code

    def pids(self) -> list[int]:
        """Return the node's pid and epmd's."""
        return [child.pid for child in (self._node, self._epmd) if child is not None]

    def stop(self, timeout_s: float) -> None:
        """End the node, then epmd."""
        for child in (self._node, self._epmd):
            if child is None or child.poll() is not None:
                continue
            child.terminate()
            try:
                child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._node = self._epmd = None
        self._was_ready = False

    def close_connections(self) -> None:
        """Have the node, which whoever started, close all its connections. Raises CloudError."""
        self._control("close_all_connections", "--global", "cut")

    def published(self) -> int:
        """Return how many messages clients have published since the node began.

        Raises CloudError.
        """
        return int(self._control("eval", _PUBLISHED))

    def _control(self, *arguments: str) -> str:
        """Have the node, which whoever started, do something; return what it prints."""
        server = find_server()
        done = subprocess.run(
            [str(server.parent / "rabbitmqctl"), "--quiet", *arguments],
            env=self._environment(server, is_slim=False),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TOOL_S,
            check=False,
        )
        if done.returncode:
            raise CloudError(f"rabbitmqctl: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def last_words(self) -> str:
        """Return the ends of what the node printed and logged."""
        texts = []
        for path in (self._home / "output", self._home / "log" / "rabbitmq.log"):
            with contextlib.suppress(OSError):
                texts += path.read_text(errors="replace").splitlines()[-8:]
        return "\n".join(texts)

    def _write_files(self) -> None:
        for folder in (self._home, self._home / "log", self._home / "mnesia"):
            make_private_folder(folder)
        for name in ("rabbitmq.conf", "enabled_plugins"):
            shutil.copyfile(DEPLOY / "rabbitmq" / name, self._home / name)
        write_private(self._home / "environment", "")
        cookie = self._home / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(20))
            cookie.chmod(0o400)

    def _environment(self, server: Path, *, is_slim: bool) -> dict[str, str]:
        home = self._home
        broker = self._broker
        own = {
            "NODENAME": f"devstack-{self._name}@localhost",
            "NODE_IP_ADDRESS": broker.host,
            "NODE_PORT": str(broker.port),
            "DIST_PORT": str(broker.dist_port),
            "DEFAULT_USER": broker.user,
            "DEFAULT_PASS": broker.password,
            "DEFAULT_VHOST": broker.vhost,
            "MNESIA_BASE": str(home / "mnesia"),
            "LOG_BASE": str(home / "log"),
            "LOGS": str(home / "log" / "rabbitmq.log"),
            "PID_FILE": str(home / "pid"),
            "ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "CONF_ENV_FILE": str(home / "environment"),
            "CONFIG_FILE": str(home / "rabbitmq.conf"),
            "ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
            "GENERATED_CONFIG_DIR": str(home / "generated"),
            "SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {_LOOPBACK}"
            " -start_epmd false",
            "CTL_ERL_ARGS": f"-kernel inet_dist_use_interface {_LOOPBACK}",
            "MAX_NUMBER_OF_PROCESSES": "65536",
            "MAX_NUMBER_OF_ATOMS": "1048576",
            # The script then becomes the node instead of staying its parent.
            "ALLOW_INPUT": "1",
            "SERVER_START_ARGS": "-noinput",
        }
        if is_slim:
            slim = _make_slim_home(home / "server", server)
            if slim is not None:
                own |= {"SCRIPTS_DIR": str(slim / "sbin"), "PLUGINS_DIR": str(slim / "plugins")}
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(broker.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            **{f"RABBITMQ_{key}": value for key, value in own.items()},
        }

    def _start_epmd(self) -> subprocess.Popen[bytes]:
        program = _find_epmd()
        if program is None:
            raise CloudError("Erlang's epmd, which RabbitMQ needs, is not installed.")
        return subprocess.Popen(
            [program, "-address", "127.0.0.1", "-port", str(self._broker.epmd_port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._home,
            start_new_session=True,
            preexec_fn=reaper.die_with_parent,  # noqa: PLW1509 - the supervisor has one thread
        )

    def _start_node(self, server: Path) -> None:
        with (self._home / "output").open("wb") as output:
            self._node = subprocess.Popen(
                [str(server)],
                env=self._environment(server, is_slim=self._is_slim),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._home,
                start_new_session=True,
                preexec_fn=reaper.die_with_parent,  # noqa: PLW1509 - the supervisor has one thread
            )


def _find_epmd() -> str | None:
    bundled = sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    return shutil.which("epmd") or (str(bundled[-1]) if bundled else None)


def _make_slim_home(home: Path, server: Path) -> Path | None:
    """Make a server folder with links to what the broker needs; None where that cannot be told."""
    applications = _applications_beside(server)
    if "rabbit" not in applications or not (server.parent / "rabbitmq-defaults").exists():
        return None
    needed, open_ends = set[str](), ["rabbit", "rabbitmq_prelaunch"]
    while open_ends:
        name = open_ends.pop()
        if name in applications and name not in needed:
            needed.add(name)
            open_ends += _dependencies(applications[name] / "ebin" / f"{name}.app")
    shutil.rmtree(home, ignore_errors=True)
    (home / "sbin").mkdir(parents=True)
    (home / "plugins").mkdir()
    (home / "sbin" / "rabbitmq-defaults").symlink_to(server.parent / "rabbitmq-defaults")
    for name in needed:
        (home / "plugins" / applications[name].name).symlink_to(applications[name])
    return home


def _applications_beside(server: Path) -> dict[str, Path]:
    """Return the server's Erlang applications by name."""
    here = server.resolve().parent.parent
    for folder in (here / "plugins", *sorted(here.glob("lib/rabbitmq_server-*/plugins"))):
        if folder.is_dir():
            return {
                path.name.rpartition("-")[0]: path.resolve()
                for path in folder.iterdir()
                if path.is_dir()
            }
    return {}


def _dependencies(app_file: Path) -> list[str]:
    """Return the applications that an Erlang application file names as needed."""
    try:
        text = app_file.read_text()
    except OSError:
        return []
    found = re.findall(r"\{\s*(?:included_|optional_)?applications\s*,\s*\[([^\]]*)\]", text)
    return [name.strip(" '\n\t") for names in found for name in names.split(",") if name.strip()]


def wait_until_ready(broker: LocalBroker, timeout_s: float) -> bool:
    """Wait for the node to answer; False when it ended or took too long. For tests and tools."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if broker.is_ready():
            return True
        if broker.exit_code() is not None:
            return False
        time.sleep(0.05)
    return False
