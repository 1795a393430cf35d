"""A RabbitMQ in a container, through `docker compose` and deploy/docker-compose.yaml."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from devstack_lite import reaper
from devstack_lite.broker import probe
from devstack_lite.cloud import Broker, CloudError, make_private_folder
from devstack_lite.paths import DEPLOY

ENGINE_TIMEOUT_S = 3.0
"""An engine that takes longer to say its version is not one to wait for."""


def engine_answers() -> bool:
    """Say whether a docker engine answers and knows compose."""
    docker = shutil.which("docker")
    return docker is not None and all(
        _succeeds([docker, *arguments])
        for arguments in (["version", "--format", "{{.Server.Version}}"], ["compose", "version"])
    )


def _succeeds(command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ENGINE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def project_name(name: str) -> str:
    """Return the compose project of a cloud: the prefix of its container, volume and network."""
    return f"devstack-lite-{name}"


def command(name: str, *arguments: str) -> list[str]:
    """Return a compose command for the broker of a cloud."""
    file = str(DEPLOY / "docker-compose.yaml")
    return ["docker", "compose", "--project-name", project_name(name), "--file", file, *arguments]


def environment(broker: Broker) -> dict[str, str]:
    """Return what the compose file's variables stand for, and the caller's environment."""
    return {
        **os.environ,
        "DEVSTACK_LITE_BROKER_PORT": str(broker.port),
        "DEVSTACK_LITE_BROKER_USER": broker.user,
        "DEVSTACK_LITE_BROKER_PASSWORD": broker.password,
        "DEVSTACK_LITE_BROKER_VHOST": broker.vhost,
    }


class ComposeBroker:
    """Runs the container of one cloud: `docker compose up` in front is a process like others."""

    def __init__(self, broker: Broker, name: str, state_dir: Path) -> None:
        self._broker = broker
        self._name = name
        self._home = state_dir / "broker"
        self._client: subprocess.Popen[bytes] | None = None
        self._was_ready = False

    def start(self) -> None:
        """Begin to create and start the container; may have to fetch the image first."""
        make_private_folder(self._home)
        try:
            with (self._home / "output").open("wb") as output:
                self._client = subprocess.Popen(
                    command(self._name, "up", "--no-color"),
                    env=environment(self._broker),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=reaper.die_with_parent,  # noqa: PLW1509 - one thread
                )
        except OSError as error:
            raise CloudError(f"docker cannot be run: {error}.") from error

    def is_ready(self) -> bool:
        """Say whether the broker lets us in; the engine opens the port before the broker is up."""
        self._was_ready = self._was_ready or probe.refusal(self._broker, 1.0) is None
        return self._was_ready

    def exit_code(self) -> int | None:
        """Return how `docker compose up` ended."""
        return None if self._client is None else self._client.poll()

    def pids(self) -> list[int]:
        """Return the compose client's pid; the container belongs to the engine."""
        return [] if self._client is None else [self._client.pid]

    def stop(self, timeout_s: float) -> None:
        """Remove the container and its volume, then the client."""
        if self._client is None:
            return
        remove(self._broker, self._name, timeout_s)
        self._client.terminate()
        try:
            self._client.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._client.kill()
            self._client.wait()
        self._client = None
        self._was_ready = False

    def last_words(self) -> str:
        """Return what the container printed last."""
        try:
            return "\n".join((self._home / "output").read_text(errors="replace").splitlines()[-12:])
        except OSError:
            return ""


def remove(broker: Broker, name: str, timeout_s: float) -> None:
    """Remove the container, network and volume of a cloud; idempotent.

    What was in the queues is gone with them: the truth is in the database.
    """
    seconds = str(max(1, int(timeout_s)))
    subprocess.run(
        command(name, "down", "--volumes", "--timeout", seconds),
        env=environment(broker),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s + 30,
        check=False,
    )
