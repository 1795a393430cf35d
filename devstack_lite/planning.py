"""Decides what a cloud is: from what a person asked for, and from what the cloud was before.

Called by `up`. A cloud that existed before keeps its passwords, ports and database; what is asked
for anew replaces what was recorded, and what is not asked for stays.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from devstack_lite import cloud, ports
from devstack_lite.broker import choose as broker_choice
from devstack_lite.cloud import Cloud, CloudError

DEFAULT_WORKERS: Mapping[str, int] = {
    "api": 2,
    "scheduler": 1,
    "conductor": 2,
    "compute": 1,
    "identity": 1,
    "image": 1,
    "network": 1,
    "volume": 1,
    "placement": 1,
    "metadata": 1,
}
DEFAULT_HOSTS = 3
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of `up`; None where a person said nothing."""

    name: str = cloud.DEFAULT_NAME
    hosts: int | None = None
    nodes_per_host: int | None = None
    workers: Mapping[str, int] | None = None
    broker: str | None = None
    database: str | None = None
    port_base: int | None = None
    profile: str | None = None
    semantics: str | None = None


def plan(wishes: Wishes) -> Cloud:
    """Return the cloud that the wishes ask for; nothing is written or started.

    Raises CloudError, one sentence for a person, when it cannot be.
    """
    state_dir = cloud.state_dir_of(wishes.name)
    before = cloud.load(state_dir)
    return _plan_new(wishes, state_dir) if before is None else _plan_again(wishes, before)


def _plan_new(wishes: Wishes, state_dir: Path) -> Cloud:
    draft = Cloud(
        name=wishes.name,
        state_dir=state_dir,
        listen=LOOPBACK,
        region="RegionOne",
        ports=_choose_ports(wishes, LOOPBACK),
        hosts=_host_names(wishes.hosts or DEFAULT_HOSTS),
        nodes_per_host=wishes.nodes_per_host or 1,
        workers=dict(DEFAULT_WORKERS) | dict(wishes.workers or {}),
        profile=wishes.profile or "instant",
        semantics=wishes.semantics or "durable",
        database_url="",
        database_reader_url="",
        broker=broker_choice.choose(wishes.broker or "auto", wishes.name),
        secrets=_new_secrets(),
    )
    return _with_database(draft, wishes.database)


def _plan_again(wishes: Wishes, before: Cloud) -> Cloud:
    if wishes.port_base is None:
        ports.require_free(before.ports, before.listen)
        chosen = before.ports
    else:
        chosen = _choose_ports(wishes, before.listen)
    broker = (
        broker_choice.refresh(before.broker)
        if wishes.broker is None
        else broker_choice.choose(wishes.broker, wishes.name, before=before.broker)
    )
    after = dataclasses.replace(
        before,
        ports=chosen,
        hosts=before.hosts if wishes.hosts is None else _host_names(wishes.hosts),
        nodes_per_host=wishes.nodes_per_host or before.nodes_per_host,
        workers=dict(before.workers) | dict(wishes.workers or {}),
        profile=wishes.profile or before.profile,
        semantics=wishes.semantics or before.semantics,
        broker=broker,
        secrets=_with_later_secrets(before.secrets),
    )
    return after if wishes.database is None else _with_database(after, wishes.database)


def _choose_ports(wishes: Wishes, listen: str) -> dict[str, int]:
    others = (other for other in cloud.every() if other.name != wishes.name)
    return ports.choose(
        wishes.name,
        is_default=wishes.name == cloud.DEFAULT_NAME,
        base=wishes.port_base,
        reserved={port for other in others for port in other.ports.values()},
        listen=listen,
    )


def _host_names(count: int) -> tuple[str, ...]:
    return tuple(f"host{number}" for number in range(1, count + 1))


def _new_secrets() -> cloud.Secrets:
    return cloud.Secrets(
        admin_password=secrets.token_hex(16),
        demo_password=secrets.token_hex(16),
        service_password=secrets.token_hex(16),
        database_reader_password=secrets.token_hex(16),
        metadata_proxy_shared_secret=secrets.token_hex(16),
    )


def _with_later_secrets(before: cloud.Secrets) -> cloud.Secrets:
    """Return the secrets with those that the cloud was made before."""
    made = _new_secrets().metadata_proxy_shared_secret
    return dataclasses.replace(
        before, metadata_proxy_shared_secret=before.metadata_proxy_shared_secret or made
    )


def _require_driver(url: str) -> None:
    import sqlalchemy as sa

    try:
        sa.make_url(url).get_dialect().import_dbapi()
    except (sa.exc.ArgumentError, ImportError) as error:
        raise CloudError(
            f"--database: {error}. PostgreSQL wants postgresql+psycopg2://, MariaDB mysql+pymysql://."
        ) from error


def _with_database(draft: Cloud, url: str | None) -> Cloud:
    """Give the cloud its database: SQLite in the state folder, or the server's that url names."""
    if url is None:
        path = draft.state_dir / "devstack.sqlite"
        return dataclasses.replace(
            draft,
            database_url=f"sqlite:///{path}",
            database_reader_url=f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true",
        )
    parts = urlsplit(url)
    if parts.scheme.split("+")[0] not in {"postgresql", "mysql", "mariadb"} or not parts.hostname:
        raise CloudError(
            "--database takes a PostgreSQL or MariaDB URL, such as"
            " postgresql+psycopg2://user:password@host/name."
        )
    _require_driver(url)
    address = parts.netloc.rpartition("@")[2]
    login = f"{draft.reader_user}:{draft.secrets.database_reader_password}"
    return dataclasses.replace(
        draft,
        database_url=url,
        database_reader_url=urlunsplit(parts._replace(netloc=f"{login}@{address}")),
    )
