"""The first rows of a cloud, and what a later start makes of what users did to them."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import sqlalchemy as sa

from devstack_lite.cloud import SeedSettings
from devstack_lite.db import bootstrap, schema, schema_network
from devstack_lite.db.engine import Database


@pytest.fixture
def settings(tmp_path: Path) -> SeedSettings:
    return SeedSettings(
        database_url=f"sqlite:///{tmp_path}/cloud.sqlite",
        reader_url="",
        reader_user="reader",
        reader_password="r",
        admin_password="admin's",
        demo_password="demo's",
        service_password="nova's",
        region="RegionOne",
        endpoints={},
        state_dir=tmp_path,
    )


@pytest.fixture
def db(settings: SeedSettings) -> Iterator[Database]:
    """A database after the first start."""
    bootstrap.run(settings)
    database = Database(settings.database_url)
    yield database
    database.engine.dispose()


def column(db: Database, of: sa.Column[Any]) -> list[Any]:
    with db.read() as connection:
        return list(connection.execute(sa.select(of).order_by(of)).scalars())


def everything(db: Database) -> dict[str, list[Any]]:
    with db.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table))))
            for table in schema.metadata.sorted_tables
        }


def test_first_rows(db: Database) -> None:
    """What a user expects to find is there, under the names that DevStack gives it."""
    assert column(db, schema.projects.c.name) == ["admin", "demo", "service"]
    assert column(db, schema.users.c.name) == ["admin", "demo", "nova"]
    assert column(db, schema.roles.c.name) == ["admin", "manager", "member", "reader", "service"]
    assert column(db, schema.networks.c.name) == ["private", "public"]
    assert column(db, schema.subnets.c.cidr) == ["10.0.0.0/16", "172.24.4.0/24"]
    own = schema.flavors.c
    with db.read() as connection:
        query = sa.select(own.id, own.name, own.vcpus, own.memory_mb, own.root_gb)
        found = [tuple(row) for row in connection.execute(query.order_by(own.id))]
    assert found == [
        ("1", "m1.tiny", 1, 512, 1),
        ("2", "m1.small", 1, 2048, 20),
        ("3", "m1.medium", 2, 4096, 40),
        ("4", "m1.large", 4, 8192, 80),
        ("5", "m1.xlarge", 8, 16384, 160),
    ]


def test_image_is_what_its_row_says(db: Database, settings: SeedSettings) -> None:
    """Size and checksums are those of the file, which looks like qcow2."""
    with db.read() as connection:
        image = connection.execute(sa.select(schema.images)).one()
    data = (settings.state_dir / "images" / image.id).read_bytes()
    assert (image.name, image.status, image.visibility) == ("cirros", "active", "public")
    assert image.size == len(data)
    assert image.checksum == hashlib.md5(data).hexdigest()
    assert (image.os_hash_algo, image.os_hash_value) == ("sha512", hashlib.sha512(data).hexdigest())
    assert data.startswith(b"QFI\xfb")


def test_key_is_its_owners_alone_and_stays(db: Database, settings: SeedSettings) -> None:
    """Tokens outlive a restart, and nobody else can make one."""
    key = settings.state_dir / "identity" / "fernet.key"
    before = key.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    bootstrap.run(settings)
    assert key.read_bytes() == before


def test_another_start_changes_nothing(db: Database, settings: SeedSettings) -> None:
    """Run again and again, the rows stay the same."""
    before = everything(db)
    bootstrap.run(settings)
    assert everything(db) == before


def test_what_users_removed_stays_away(db: Database, settings: SeedSettings) -> None:
    """Flavors, the image and the networks are the user's: a later start does not bring them back.

    Nor does it fail over another of the same name.
    """
    with db.write() as connection:
        for table in (
            schema.flavors, schema.ip_allocations, schema.ports, schema_network.routers,
            schema.subnets, schema.networks, schema.images,
        ):  # fmt: skip
            connection.execute(table.delete())
        values = {
            "vcpus": 1, "memory_mb": 1, "root_gb": 0, "ephemeral_gb": 0, "swap_mb": 0,
            "rxtx_factor": 1.0, "extra_specs": {}, "created_at": bootstrap.utcnow(),
        }  # fmt: skip
        connection.execute(schema.flavors.insert().values(id="mine", name="m1.tiny", **values))
    bootstrap.run(settings)
    assert column(db, schema.flavors.c.id) == ["mine"]
    assert column(db, schema.networks.c.id) == []
    assert column(db, schema_network.routers.c.id) == []
    assert column(db, schema.images.c.id) == []


def test_accounts_are_repaired(db: Database, settings: SeedSettings) -> None:
    """The cloud's own accounts, which it could not run without, are back after a start."""
    assignments = len(column(db, schema.role_assignments.c.user_id))
    with db.write() as connection:
        connection.execute(schema.role_assignments.delete())
        connection.execute(schema.users.update().values(enabled=False))
        connection.execute(schema.users.delete().where(schema.users.c.name == "nova"))
        connection.execute(
            schema.users.update().where(schema.users.c.name == "admin").values(name="root")
        )
    bootstrap.run(settings)
    assert column(db, schema.users.c.name) == ["admin", "demo", "nova", "root"]
    assert len(column(db, schema.role_assignments.c.user_id)) == assignments
    with db.read() as connection:
        own = schema.users.c
        enabled = connection.execute(sa.select(own.name).where(own.enabled.is_(True))).scalars()
        assert sorted(enabled) == ["admin", "demo", "nova"]


def test_other_domains_are_left_alone(db: Database, settings: SeedSettings) -> None:
    """A user of an account's name elsewhere is somebody else; the own domain is opened again."""
    own = schema.domains
    with db.write() as connection:
        connection.execute(own.update().values(name="Home", enabled=False))
        connection.execute(own.insert().values(id="lab", name="lab"))
        connection.execute(schema.users.delete().where(schema.users.c.name == "demo"))
        row = {"id": "a", "name": "demo", "domain_id": "lab"}
        connection.execute(schema.users.insert().values(row))
    bootstrap.run(settings)
    with db.read() as connection:
        found = connection.execute(sa.select(own.c.id, own.c.name, own.c.enabled)).all()
        users = schema.users.c
        demos = connection.execute(
            sa.select(users.domain_id, users.password_hash).where(users.name == "demo")
        ).all()
    assert sorted(map(tuple, found)) == [("default", "Home", True), ("lab", "lab", True)]
    kept = {row.domain_id: row.password_hash for row in demos}
    assert kept["lab"] is None
    assert kept["default"] is not None


def test_passwords_follow_the_record(db: Database, settings: SeedSettings) -> None:
    """A new password in the cloud's record is the user's after the next start; others stay."""

    def hashes() -> dict[str, str]:
        own = schema.users.c
        with db.read() as connection:
            return {
                row.name: row.password_hash
                for row in connection.execute(sa.select(own.name, own.password_hash))
            }

    before = hashes()
    bootstrap.run(replace(settings, admin_password="another"))
    after = hashes()
    assert bcrypt.checkpw(b"another", after["admin"].encode())
    assert (after["demo"], after["nova"]) == (before["demo"], before["nova"])


def test_image_file_follows_the_database(db: Database, settings: SeedSettings) -> None:
    """A state folder that is newer than its database gets the image's bytes again."""
    [path] = (settings.state_dir / "images").iterdir()
    before = path.read_bytes()
    path.unlink()
    bootstrap.run(settings)
    assert path.read_bytes() == before


def test_killed_start_leaves_nothing_half(
    settings: SeedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that ends among the tables, or among the rows, leaves what the next one completes."""

    def fail(*_arguments: Any) -> None:
        raise RuntimeError("killed")

    for name in ("_seed_network", "_make_image_file"):
        with monkeypatch.context() as patch:
            patch.setattr(bootstrap, name, fail)
            with pytest.raises(RuntimeError, match="killed"):
                bootstrap.run(settings)
    db = Database(settings.database_url)
    assert column(db, schema.users.c.id) == []
    bootstrap.run(settings)
    assert column(db, schema.networks.c.name) == ["private", "public"]
    db.engine.dispose()


def test_a_server_that_refuses_is_named_in_one_sentence(settings: SeedSettings) -> None:
    refused = replace(settings, database_url="sqlite:////nowhere/at/all.sqlite")
    with pytest.raises(SystemExit, match=r"^sqlite: unable to open database file$"):
        bootstrap.main(refused)
