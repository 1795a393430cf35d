"""The record of one cloud: what `up` decided, and where everything of the cloud is.

Owns `<state>/cloud.json`. Made by `devstack_lite.planning`, read by the supervisor and by every
command. Each cloud has one state folder, readable by its owner alone, and nothing of a cloud is
written anywhere else.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from devstack_lite.conf import STANDARD_PORTS
from devstack_lite.exceptions import DevstackError

DEFAULT_NAME = "devstack"
NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""Names are part of folder, node, vhost and role names."""

BrokerKind = Literal["local", "docker", "external"]


class CloudError(DevstackError):
    """What a person asked of a cloud cannot be done; the message is one sentence for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A RabbitMQ, and who the cloud is there. The extra ports are the private node's own."""

    kind: BrokerKind
    host: str
    port: int
    user: str
    password: str
    vhost: str
    dist_port: int = 0
    epmd_port: int = 0

    @property
    def transport_url(self) -> str:
        """oslo.messaging's form; the default vhost `/` is written as an empty path."""
        vhost = "" if self.vhost == "/" else quote(self.vhost, safe="")
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"rabbit://{login}@{self.host}:{self.port}/{vhost}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The cloud's generated passwords."""

    admin_password: str
    demo_password: str
    service_password: str
    database_reader_password: str
    metadata_proxy_shared_secret: str = ""
    """What Neutron's metadata proxy would sign an instance's id with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSettings:
    """What the database's bootstrap gets: where the database is and what its first rows hold.

    On PostgreSQL and MariaDB the bootstrap also makes the role reader_user, which may only SELECT.
    """

    database_url: str
    reader_url: str
    reader_user: str
    reader_password: str
    admin_password: str
    demo_password: str
    service_password: str
    region: str
    endpoints: Mapping[str, str]
    """URL by service: identity, compute, image, network, volume, placement."""
    state_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One cloud, complete enough to be started again."""

    name: str
    state_dir: Path
    listen: str
    region: str
    ports: Mapping[str, int]
    """TCP port by HTTP daemon (identity, api, volume, image, network, placement), and metadata's,
    which api serves as well."""
    hosts: tuple[str, ...]
    """Names of the compute hosts."""
    nodes_per_host: int
    workers: Mapping[str, int]
    """Workers by daemon; for compute, of each host. `metadata`: api's that serve metadata."""
    profile: str
    database_url: str
    """The conductor's, which may write."""
    database_reader_url: str
    broker: Broker
    secrets: Secrets
    semantics: str = "durable"
    """Whether what got lost is asked for again; see semantics.py."""

    @property
    def etc_dir(self) -> Path:
        """Where each daemon's configuration file is."""
        return self.state_dir / "etc"

    @property
    def provider_config_dir(self) -> Path:
        """Where an operator says what nodes have besides; read by each compute host."""
        return self.etc_dir / "provider_config"

    @property
    def log_dir(self) -> Path:
        """Where the logs are: one per daemon, and all.log."""
        return self.state_dir / "logs"

    @property
    def combined_log(self) -> Path:
        """The lines of all daemons."""
        return self.log_dir / "all.log"

    @property
    def reader_user(self) -> str:
        """The database role of the daemons that only read."""
        return f"devstack_{self.name.replace('-', '_')}_reader"

    @property
    def endpoints(self) -> dict[str, str]:
        """URL by service, as in the catalog but for the project."""
        base = {name: f"http://{self.listen}:{port}" for name, port in self.ports.items()}
        return {
            "identity": f"{base['identity']}/v3",
            "compute": f"{base['api']}/v2.1",
            "image": base["image"],
            "network": base["network"],
            "volume": f"{base['volume']}/v3",
            "placement": base["placement"],
        }

    @property
    def metadata_url(self) -> str:
        """Where the metadata API is; no part of the catalog."""
        return f"http://{self.listen}:{self.ports['metadata']}"

    def seed_settings(self) -> SeedSettings:
        """Return what the database's bootstrap needs to know."""
        return SeedSettings(
            database_url=self.database_url,
            reader_url=self.database_reader_url,
            reader_user=self.reader_user,
            reader_password=self.secrets.database_reader_password,
            admin_password=self.secrets.admin_password,
            demo_password=self.secrets.demo_password,
            service_password=self.secrets.service_password,
            region=self.region,
            endpoints=self.endpoints,
            state_dir=self.state_dir,
        )

    def save(self) -> None:
        """Write the record, in one step."""
        make_private_folder(self.state_dir)
        record = dataclasses.asdict(self) | {"state_dir": str(self.state_dir)}
        write_private(self.state_dir / "cloud.json", json.dumps(record, indent=2) + "\n")


def state_home() -> Path:
    """Return the folder that holds the clouds' state folders."""
    home = os.environ.get("DEVSTACK_LITE_HOME")
    if home:
        return Path(home).absolute()
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "devstack-lite"


def state_dir_of(name: str) -> Path:
    """Return a cloud's state folder, which may not exist. Raises CloudError for a bad name."""
    if not NAME.fullmatch(name):
        raise CloudError(
            f"{name!r} cannot name a cloud: use small letters, digits and hyphens, at most 32."
        )
    return state_home() / name


def load(state_dir: Path) -> Cloud | None:
    """Return the cloud recorded in a state folder, or None. Raises CloudError for a broken one."""
    path = state_dir / "cloud.json"
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise CloudError(f"{path} is not a cloud's record: {error}.") from error
    try:
        _add_later_apis(record)
        return Cloud(
            **record
            | {
                "state_dir": Path(record["state_dir"]),
                "hosts": tuple(record["hosts"]),
                "broker": Broker(**record["broker"]),
                "secrets": Secrets(**record["secrets"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise CloudError(f"{path} is another version's record; remove its folder.") from error


def _add_later_apis(record: dict[str, Any]) -> None:
    """Give a record of before there was placement, or metadata, a worker and a port for it."""
    ports = record["ports"]
    is_standard = ports["identity"] == STANDARD_PORTS["identity"]
    for name, offset in (("placement", 5), ("metadata", 6)):
        port = STANDARD_PORTS[name] if is_standard else ports["identity"] + offset
        ports.setdefault(name, port)
        record["workers"].setdefault(name, 1)


def find(name: str) -> Cloud:
    """Return the cloud of a name. Raises CloudError when there is none."""
    cloud = load(state_dir_of(name))
    if cloud is None:
        raise CloudError(f"There is no cloud named {name}; start one with `devstack-lite up`.")
    return cloud


def every() -> Iterator[Cloud]:
    """Yield each recorded cloud, running or not."""
    home = state_home()
    if home.is_dir():
        for path in sorted(home.iterdir()):
            cloud = load(path)
            if cloud is not None:
                yield cloud


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter; idempotent."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read; a reader sees the old or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
