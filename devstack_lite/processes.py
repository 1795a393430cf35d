"""The one table of the processes that `up` starts.

In the order they are started; `down` stops them in the reverse order. The broker is not among them:
it comes before all and goes after all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devstack_lite.cloud import Cloud

CONTROLLER = "controller"
"""The host that all services but the compute hosts are on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One daemon: a launcher, whose forked workers are its own business."""

    name: str
    """Unique in the cloud; also the name of its configuration file and of its log."""
    daemon: str
    host: str
    module: str
    """What `python -P -m` takes to start it."""
    stage: int
    """Processes of one stage start and stop together; lower stages start first and stop last."""
    config_file: Path
    log_file: Path
    output_file: Path
    """Where what it prints outside its log goes: a traceback at start."""

    needs_broker: bool
    """Whether its start waits for the broker; the others reach the broker when they need it."""
    url: str | None = None
    """An HTTP daemon's address; it is ready when it answers there."""
    binary: str | None = None
    """Its name in the list of services; it is ready when it is up there."""

    @property
    def arguments(self) -> list[str]:
        """The command line behind the module."""
        return ["--config-file", str(self.config_file)]


# Stage, daemon, its name in the list of services, whether it serves HTTP. Who is asked starts
# before who asks: everybody writes through the conductor, and the api has work for all.
_TABLE: tuple[tuple[int, str, str | None, bool], ...] = (
    (0, "conductor", "nova-conductor", False),
    (1, "identity", None, True),
    (1, "image", None, True),
    (1, "network", None, True),
    (1, "volume", None, True),
    (1, "placement", None, True),
    (2, "scheduler", "nova-scheduler", False),
    (2, "compute", "nova-compute", False),
    (3, "api", None, True),
)

DAEMONS = tuple(daemon for _, daemon, _, _ in _TABLE)


def of(cloud: Cloud) -> tuple[Process, ...]:
    """Return the cloud's processes in the order of their start."""
    return tuple(
        Process(
            name=name,
            daemon=daemon,
            host=host,
            module=f"services.{daemon}",
            stage=stage,
            config_file=cloud.etc_dir / f"{name}.conf",
            log_file=cloud.log_dir / f"{name}.log",
            output_file=cloud.log_dir / f"{name}.out",
            needs_broker=not serves_http,
            url=f"http://{cloud.listen}:{cloud.ports[daemon]}" if serves_http else None,
            binary=binary,
        )
        for stage, daemon, binary, serves_http in _TABLE
        for name, host in _instances(cloud, daemon)
    )


def queues(cloud: Cloud) -> list[str]:
    """Return the names of the queues whose messages are work: by topic, and by topic and host."""
    served = [process for process in of(cloud) if process.binary is not None]
    topics = {process.daemon for process in served if process.daemon != "compute"}
    return sorted(topics) + [f"{process.daemon}.{process.host}" for process in served]


def _instances(cloud: Cloud, daemon: str) -> Iterable[tuple[str, str]]:
    if daemon == "compute":
        return [(f"compute-{host}", host) for host in cloud.hosts]
    return [(daemon, CONTROLLER)]
