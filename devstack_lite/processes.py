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
    def module(self) -> str:
        """What `python -P -m` takes to start it."""
        return f"services.{self.daemon}"

    @property
    def arguments(self) -> list[str]:
        """The command line behind the module."""
        return ["--config-file", str(self.config_file)]


# daemon, name in the list of services, whether it serves HTTP
_TABLE: tuple[tuple[str, str | None, bool], ...] = (
    ("conductor", "nova-conductor", False),
    ("identity", None, True),
    ("image", None, True),
    ("network", None, True),
    ("volume", None, True),
    ("scheduler", "nova-scheduler", False),
    ("compute", "nova-compute", False),
    ("api", None, True),
)

DAEMONS = tuple(daemon for daemon, _, _ in _TABLE)


def of(cloud: Cloud) -> tuple[Process, ...]:
    """Return the cloud's processes in the order of their start."""
    return tuple(
        Process(
            name=name,
            daemon=daemon,
            host=host,
            config_file=cloud.etc_dir / f"{name}.conf",
            log_file=cloud.log_dir / f"{name}.log",
            output_file=cloud.log_dir / f"{name}.out",
            needs_broker=not serves_http,
            url=f"http://{cloud.listen}:{cloud.ports[daemon]}" if serves_http else None,
            binary=binary,
        )
        for daemon, binary, serves_http in _TABLE
        for name, host in _instances(cloud, daemon)
    )


def _instances(cloud: Cloud, daemon: str) -> Iterable[tuple[str, str]]:
    if daemon == "compute":
        return [(f"compute-{host}", host) for host in cloud.hosts]
    return [(daemon, CONTROLLER)]
