"""What a database holds before the first daemon runs: the schema, and the cloud's first rows.

Called by `up` through the supervisor, at every start. The cloud's own accounts are repaired each
time, and their passwords follow the cloud's record; flavors, the image and the networks are a
user's to change or remove, so they are put there once. The only writer besides the conductor, and
never at the same time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db import routers, schema, schema_network
from devstack_lite.db.claims import NODE_VERSION
from devstack_lite.db.engine import Database
from devstack_lite.db.identity import BUILT_IN_ROLES, SYSTEM_ID
from devstack_lite.db.mac_addresses import BASE_MAC
from devstack_lite.db.migrate import make_database, migrate

LOG = logging.getLogger(__name__)

DOMAIN_ID = "default"
SEEDED = "seeded"
"""The counter that says that the first flavors, image and networks were put there."""

PROJECTS = ("admin", "demo", "service")
HOMES = {"admin": "admin", "demo": "demo", "nova": "service"}
"""The cloud's users, each with its default project."""

ASSIGNMENTS = (
    # user, project, role
    ("admin", "admin", "admin"),
    ("admin", "demo", "admin"),
    ("demo", "demo", "member"),
    ("demo", "demo", "reader"),
    ("nova", "service", "service"),
    ("nova", "service", "admin"),
)

FLAVORS = (
    # DevStack's: id, name, vcpus, MiB, GiB.
    ("1", "m1.tiny", 1, 512, 1),
    ("2", "m1.small", 1, 2048, 20),
    ("3", "m1.medium", 2, 4096, 40),
    ("4", "m1.large", 4, 8192, 80),
    ("5", "m1.xlarge", 8, 16384, 160),
)

_IDS = uuid.UUID("b0a7c0de-0f5e-4c1c-9a55-0d4a6f1e7c11")
"""Namespace of the ids of what is seeded, so that a second start finds it again."""

HASH_ROUNDS = 6


class Settings(Protocol):
    """What the bootstrap is told; devstack_lite.cloud.SeedSettings is one."""

    @property
    def database_url(self) -> str: ...  # noqa: D102
    @property
    def reader_user(self) -> str: ...  # noqa: D102
    @property
    def reader_password(self) -> str: ...  # noqa: D102
    @property
    def admin_password(self) -> str: ...  # noqa: D102
    @property
    def demo_password(self) -> str: ...  # noqa: D102
    @property
    def service_password(self) -> str: ...  # noqa: D102
    @property
    def state_dir(self) -> Path: ...  # noqa: D102


def seed_id(name: str) -> str:
    """Return the id of something seeded, in Keystone's form (32 hexadecimal digits)."""
    return uuid.uuid5(_IDS, name).hex


def seed_uuid(name: str) -> str:
    """Return the id of something seeded, as a UUID with hyphens."""
    return str(uuid.uuid5(_IDS, name))


def main(settings: Settings) -> None:
    """Do what run does; what a database server says that refuses it is said in one line."""
    try:
        run(settings)
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise SystemExit(f"{settings.database_url.split('://')[0]}: {error.orig}") from None


def run(settings: Settings) -> None:
    """Bring the database and the state folder to what the daemons expect. May be run again."""
    _make_token_key(settings.state_dir)
    make_database(settings.database_url)
    db = Database(settings.database_url, pool_size=2)
    try:
        migrate(db.engine)
        with db.write() as connection:
            _seed_identity(connection, settings)
            if _is_new(connection):
                _seed_compute(connection)
                _seed_image(connection)
                _seed_network(connection)
            _make_image_file(connection, settings.state_dir)
        _make_reader(db, settings)
    finally:
        db.engine.dispose()


def _is_new(connection: Connection) -> bool:
    """Say whether this is the first time, and note that it was."""
    own = schema.counters
    if connection.execute(sa.select(own.c.value).where(own.c.name == SEEDED)).first():
        return False
    connection.execute(own.insert().values(name=SEEDED, value=1))
    return True


def _add(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert those rows whose primary key names nothing yet."""
    keys = [column.name for column in table.primary_key]
    there = {tuple(row) for row in connection.execute(sa.select(*table.primary_key))}
    new = [row for row in rows if tuple(row[key] for key in keys) not in there]
    if new:
        connection.execute(table.insert(), new)


# ---------------------------------------------------------------------------------- identity


def _ensure(connection: Connection, table: sa.Table, row: dict[str, Any]) -> str:
    """Insert a row unless there is one of its name; return the id of the one that is there.

    Of its name in its domain: another domain's user of the same name is somebody else. The row's
    own id is not used when a user has given what had it another name.
    """
    same = [table.c[key] == row[key] for key in ("name", "domain_id") if key in row]
    found = connection.execute(sa.select(table.c.id).where(*same)).first()
    if found is not None:
        return str(found.id)
    renamed = sa.select(table.c.id).where(table.c.id == row["id"])
    if connection.execute(renamed).first() is not None:
        row = {**row, "id": uuid.uuid4().hex}
    connection.execute(table.insert().values(row))
    return str(row["id"])


def _seed_identity(connection: Connection, settings: Settings) -> None:
    domain = {"id": DOMAIN_ID, "name": "Default", "description": "The default domain"}
    # By its id, for it may have been given another name; and open, or nobody could log in.
    _add(connection, schema.domains, [domain])
    own = schema.domains
    connection.execute(own.update().where(own.c.id == DOMAIN_ID).values(enabled=True))
    ids: dict[str, str] = {}
    for name in PROJECTS:
        row = {"id": seed_id(f"project/{name}"), "name": name, "domain_id": DOMAIN_ID,
               "description": f"The {name} project"}  # fmt: skip
        ids[f"project/{name}"] = _ensure(connection, schema.projects, row)
    for name in BUILT_IN_ROLES:
        row = {"id": seed_id(f"role/{name}"), "name": name}
        ids[f"role/{name}"] = _ensure(connection, schema.roles, row)
    passwords = {
        "admin": settings.admin_password,
        "demo": settings.demo_password,
        "nova": settings.service_password,
    }
    for name, project in HOMES.items():
        home = ids[f"project/{project}"]
        ids[f"user/{name}"] = _seed_user(connection, name, home, passwords[name])
    everywhere = (("domain", DOMAIN_ID), ("system", SYSTEM_ID))
    held = [
        (user, role, "project", ids[f"project/{project}"]) for user, project, role in ASSIGNMENTS
    ] + [("admin", "admin", target_type, target_id) for target_type, target_id in everywhere]
    _add(
        connection, schema.role_assignments,
        [
            {"user_id": ids[f"user/{user}"], "role_id": ids[f"role/{role}"],
             "target_type": target_type, "target_id": target_id}
            for user, role, target_type, target_id in held
        ],
    )  # fmt: skip


def _seed_user(connection: Connection, name: str, project_id: str, password: str) -> str:
    """Make sure that a user is there, enabled, with this password; return its id."""
    import bcrypt

    row = {"id": seed_id(f"user/{name}"), "name": name, "domain_id": DOMAIN_ID,
           "default_project_id": project_id}  # fmt: skip
    user_id = _ensure(connection, schema.users, row)
    own = schema.users.c
    kept = connection.execute(sa.select(own.password_hash).where(own.id == user_id)).scalar_one()
    values: dict[str, Any] = {"enabled": True}
    if kept is None or not bcrypt.checkpw(password.encode(), kept.encode()):
        salt = bcrypt.gensalt(HASH_ROUNDS)
        values["password_hash"] = bcrypt.hashpw(password.encode(), salt).decode()
    connection.execute(schema.users.update().where(own.id == user_id).values(values))
    return user_id


def _make_token_key(state_dir: Path) -> None:
    """Make the key that tokens are sealed with, once; whoever has it can make any token."""
    from cryptography.fernet import Fernet

    folder = state_dir / "identity"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "fernet.key"
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Fernet.generate_key())


# ----------------------------------------------------------------------------------- compute


def _seed_compute(connection: Connection) -> None:
    _add(connection, schema.counters, [{"name": NODE_VERSION, "value": 0}])
    now = utcnow()
    _add(
        connection, schema.flavors,
        [
            {"id": flavor_id, "name": name, "vcpus": vcpus, "memory_mb": memory_mb,
             "root_gb": root_gb, "ephemeral_gb": 0, "swap_mb": 0, "rxtx_factor": 1.0,
             "extra_specs": {}, "created_at": now}
            for flavor_id, name, vcpus, memory_mb, root_gb in FLAVORS
        ],
    )  # fmt: skip


# ------------------------------------------------------------------------------------- image


# A qcow2 header's magic and version, so that what looks at the file believes its format. Nothing
# boots from the bytes, but they can be fetched.
IMAGE = (b"QFI\xfb\x00\x00\x00\x03").ljust(16 * 1024, b"\0")


def _seed_image(connection: Connection) -> None:
    now = utcnow()
    _add(
        connection, schema.images,
        [
            {"id": seed_uuid("image/cirros"), "name": "cirros", "status": "active",
             "visibility": "public", "owner": seed_id("project/admin"), "disk_format": "qcow2",
             "container_format": "bare", "size": len(IMAGE), "min_disk": 0, "min_ram": 0,
             "checksum": hashlib.md5(IMAGE, usedforsecurity=False).hexdigest(),
             "os_hash_algo": "sha512", "os_hash_value": hashlib.sha512(IMAGE).hexdigest(),
             "properties": {}, "tags": [], "created_at": now, "updated_at": now}
        ],
    )  # fmt: skip


def _make_image_file(connection: Connection, state_dir: Path) -> None:
    """Write the seeded image's bytes if it is still there and they are not.

    They are not in a new state folder before a database that is older.
    """
    own = schema.images.c
    image_id = seed_uuid("image/cirros")
    if connection.execute(sa.select(own.id).where(own.id == image_id)).first() is None:
        return
    folder = state_dir / "images"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / image_id
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_bytes(IMAGE)
        fresh.replace(path)


# ----------------------------------------------------------------------------------- network


def _seed_network(connection: Connection) -> None:
    now = utcnow()
    admin = seed_id("project/admin")
    shape: Mapping[str, tuple[bool, bool, str, str]] = {
        # shared, external, cidr, gateway. A /16 holds more instances than one machine will boot.
        "private": (True, False, "10.0.0.0/16", "10.0.0.1"),
        "public": (False, True, "172.24.4.0/24", "172.24.4.1"),
    }
    _add(
        connection, schema.networks,
        [
            {"id": seed_uuid(f"network/{name}"), "name": name, "project_id": admin,
             "shared": is_shared, "external": is_external, "created_at": now, "updated_at": now}
            for name, (is_shared, is_external, _cidr, _gateway) in shape.items()
        ],
    )  # fmt: skip
    pools = {"private": ("10.0.0.2", "10.0.255.254"), "public": ("172.24.4.2", "172.24.4.254")}
    _add(
        connection, schema.subnets,
        [
            {"id": seed_uuid(f"subnet/{name}"), "network_id": seed_uuid(f"network/{name}"),
             "project_id": admin, "name": f"{name}-subnet", "cidr": cidr, "ip_version": 4,
             "gateway_ip": gateway, "dns_nameservers": [], "host_routes": [],
             "enable_dhcp": not is_external, "created_at": now, "updated_at": now,
             "allocation_pools": [{"start": pools[name][0], "end": pools[name][1]}]}
            for name, (_shared, is_external, cidr, gateway) in shape.items()
        ],
    )  # fmt: skip
    _seed_router(connection, {"private": "10.0.0.1", "public": "172.24.4.2"})


def _seed_router(connection: Connection, addresses: Mapping[str, str]) -> None:
    """Join the two networks as DevStack does: floating IPs reach nobody without a router."""
    router_id, admin = seed_uuid("router/router1"), seed_id("project/admin")
    times = {"created_at": utcnow(), "updated_at": utcnow()}
    port_ids = {name: seed_uuid(f"port/router1/{name}") for name in addresses}
    _add(
        connection, schema_network.routers,
        [
            {"id": router_id, "project_id": admin, "name": "router1", "routes": [],
             "external_network_id": seed_uuid("network/public"),
             "gateway_port_id": port_ids["public"], **times}
        ],
    )  # fmt: skip
    owners = {"private": (admin, routers.INTERFACE), "public": ("", routers.GATEWAY)}
    _add(
        connection, schema.ports,
        [
            {"id": port_ids[name], "network_id": seed_uuid(f"network/{name}"),
             "project_id": project_id, "mac_address": f"{BASE_MAC}:00:00:01", "status": "ACTIVE",
             "device_id": router_id, "device_owner": owner, "extra": {}, **times}
            for name, (project_id, owner) in owners.items()
        ],
    )  # fmt: skip
    _add(
        connection, schema.ip_allocations,
        [
            {"subnet_id": seed_uuid(f"subnet/{name}"), "ip_address": address,
             "port_id": port_ids[name]}
            for name, address in addresses.items()
        ],
    )  # fmt: skip


# ------------------------------------------------------------------------------------ reader


def _make_reader(db: Database, settings: Settings) -> None:
    """Make the role that may only SELECT, where the database has roles; SQLite has mode=ro."""
    backend = db.engine.dialect.name
    name, password = settings.reader_user, settings.reader_password
    if backend == "postgresql":
        statements = _postgresql_reader(db, name, password)
    elif backend in {"mysql", "mariadb"}:
        statements = _mariadb_reader(str(db.engine.url.database), name, password)
    else:
        return
    # Without parameters the drivers leave the percent signs of the statements alone.
    with db.engine.execution_options(no_parameters=True).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _mariadb_reader(database: str, name: str, password: str) -> list[str]:
    statements = []
    # By name and by localhost: a server's anonymous user there would go before the first alone.
    for host in ("%", "localhost"):
        user = f"'{name}'@'{host}'"
        statements += [
            f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}'",
            f"ALTER USER {user} IDENTIFIED BY '{password}'",
            f"GRANT SELECT ON `{database}`.* TO {user}",
        ]
    return statements


def _postgresql_reader(db: Database, name: str, password: str) -> list[str]:
    with db.engine.connect() as connection:
        there = connection.execute(
            sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}
        ).first()
    verb = "ALTER" if there else "CREATE"
    return [
        f"{verb} ROLE {name} LOGIN PASSWORD '{password}'",
        f"GRANT USAGE ON SCHEMA public TO {name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {name}",
    ]
