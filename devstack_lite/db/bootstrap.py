"""What a database holds before the first daemon runs: the schema, and the cloud's first rows.

Called by `up` through the supervisor, at every start; what is there already is left alone, but for
the passwords, which follow the cloud's record. The only writer besides the conductor, and never at
the same time.
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
from devstack_lite.db import schema
from devstack_lite.db.claims import NODE_VERSION
from devstack_lite.db.engine import Database
from devstack_lite.db.migrate import migrate

LOG = logging.getLogger(__name__)

DOMAIN_ID = "default"
ROLES = ("admin", "manager", "member", "reader", "service")
IMPLIED_ROLES = {"admin": "manager", "manager": "member", "member": "reader"}
"""Keystone's default hierarchy: whoever has the first has the second, too."""

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

IMAGE_BYTES = 16 * 1024
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


def run(settings: Settings) -> None:
    """Bring the database and the state folder to what the daemons expect. May be run again."""
    _make_token_key(settings.state_dir)
    image = _make_image_file(settings.state_dir)
    db = Database(settings.database_url, pool_size=2)
    try:
        migrate(db.engine)
        with db.write() as connection:
            _seed_identity(connection, settings)
            _seed_compute(connection)
            _seed_image(connection, image)
            _seed_network(connection)
        _make_reader(db, settings)
    finally:
        db.engine.dispose()


def _add(connection: Connection, table: sa.Table, rows: list[dict[str, Any]], *keys: str) -> None:
    """Insert those rows whose key columns name nothing yet."""
    columns = [table.c[key] for key in keys]
    there = {tuple(row) for row in connection.execute(sa.select(*columns))}
    new = [row for row in rows if tuple(row[key] for key in keys) not in there]
    if new:
        connection.execute(table.insert(), new)


# ---------------------------------------------------------------------------------- identity


def _seed_identity(connection: Connection, settings: Settings) -> None:
    _add(
        connection, schema.domains,
        [{"id": DOMAIN_ID, "name": "Default", "description": "The default domain"}], "id",
    )  # fmt: skip
    _add(
        connection, schema.projects,
        [
            {"id": seed_id(f"project/{name}"), "name": name, "domain_id": DOMAIN_ID,
             "description": f"The {name} project"}
            for name in ("admin", "demo", "service")
        ],
        "id",
    )  # fmt: skip
    _add(
        connection, schema.roles,
        [{"id": seed_id(f"role/{name}"), "name": name} for name in ROLES], "name",
    )  # fmt: skip
    passwords = {
        "admin": settings.admin_password,
        "demo": settings.demo_password,
        "nova": settings.service_password,
    }
    homes = {"admin": "admin", "demo": "demo", "nova": "service"}
    for name, password in passwords.items():
        _seed_user(connection, name, homes[name], password)
    _add(
        connection, schema.role_assignments,
        [
            {"user_id": seed_id(f"user/{user}"), "target_id": seed_id(f"project/{project}"),
             "role_id": seed_id(f"role/{role}"), "target_type": "project"}
            for user, project, role in (
                ("admin", "admin", "admin"), ("admin", "demo", "admin"),
                ("demo", "demo", "member"), ("nova", "service", "service"),
                ("nova", "service", "admin"),
            )
        ],
        "user_id", "target_id", "role_id",
    )  # fmt: skip
    _add(
        connection, schema.role_assignments,
        [{"user_id": seed_id("user/admin"), "target_id": "all",
          "role_id": seed_id("role/admin"), "target_type": "system"}],
        "user_id", "target_id", "role_id",
    )  # fmt: skip


def _seed_user(connection: Connection, name: str, project: str, password: str) -> None:
    import bcrypt

    own = schema.users.c
    row = connection.execute(
        sa.select(own.password_hash).where(own.id == seed_id(f"user/{name}"))
    ).one_or_none()
    if row is not None and bcrypt.checkpw(password.encode(), row.password_hash.encode()):
        return
    password_hash = bcrypt.hashpw(password.encode(), bcrypt.gensalt(HASH_ROUNDS)).decode()
    if row is not None:
        connection.execute(
            schema.users.update()
            .where(own.id == seed_id(f"user/{name}"))
            .values(password_hash=password_hash)
        )
        return
    connection.execute(
        schema.users.insert().values(
            id=seed_id(f"user/{name}"),
            name=name,
            domain_id=DOMAIN_ID,
            password_hash=password_hash,
            default_project_id=seed_id(f"project/{project}"),
        )
    )


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
    _add(connection, schema.counters, [{"name": NODE_VERSION, "value": 0}], "name")
    now = utcnow()
    _add(
        connection, schema.flavors,
        [
            {"id": flavor_id, "name": name, "vcpus": vcpus, "memory_mb": memory_mb,
             "root_gb": root_gb, "ephemeral_gb": 0, "swap_mb": 0, "rxtx_factor": 1.0,
             "extra_specs": {}, "created_at": now}
            for flavor_id, name, vcpus, memory_mb, root_gb in FLAVORS
        ],
        "id",
    )  # fmt: skip


# ------------------------------------------------------------------------------------- image


def _make_image_file(state_dir: Path) -> Path:
    """Write the seeded image's bytes, once: nothing boots from them, but they can be fetched."""
    folder = state_dir / "images"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / seed_uuid("image/cirros")
    if not path.exists():
        fresh = path.with_suffix(".new")
        # A qcow2 header's magic and version, so that what looks at the file believes its format.
        fresh.write_bytes((b"QFI\xfb\x00\x00\x00\x03").ljust(IMAGE_BYTES, b"\0"))
        fresh.replace(path)
    return path


def _seed_image(connection: Connection, path: Path) -> None:
    data = path.read_bytes()
    now = utcnow()
    _add(
        connection, schema.images,
        [
            {"id": path.name, "name": "cirros", "status": "active", "visibility": "public",
             "owner": seed_id("project/admin"), "disk_format": "qcow2",
             "container_format": "bare", "size": len(data), "min_disk": 0, "min_ram": 0,
             "checksum": hashlib.md5(data, usedforsecurity=False).hexdigest(),
             "os_hash_algo": "sha512", "os_hash_value": hashlib.sha512(data).hexdigest(),
             "properties": {}, "tags": [], "created_at": now, "updated_at": now}
        ],
        "id",
    )  # fmt: skip


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
        "id",
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
        "id",
    )  # fmt: skip


# ------------------------------------------------------------------------------------ reader


def _make_reader(db: Database, settings: Settings) -> None:
    """Make the role that may only SELECT, where the database has roles; SQLite has mode=ro."""
    backend = db.engine.dialect.name
    name, password = settings.reader_user, settings.reader_password
    if backend == "postgresql":
        statements = _postgresql_reader(db, name, password)
    elif backend in {"mysql", "mariadb"}:
        schema_name = db.engine.url.database
        statements = [
            f"CREATE USER IF NOT EXISTS '{name}'@'%' IDENTIFIED BY '{password}'",
            f"ALTER USER '{name}'@'%' IDENTIFIED BY '{password}'",
            f"GRANT SELECT ON `{schema_name}`.* TO '{name}'@'%'",
        ]
    else:
        return
    with db.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


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
