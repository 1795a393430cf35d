"""`devstack-lite check` on a real cloud: sees what was broken by hand, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.db import schema
from devstack_lite.db.engine import Database
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


def check(cloud: WholeCloud) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cloud.command("check", "--json", codes=(0, 1, 2)))
    return found


@contextmanager
def changed(cloud: WholeCloud, table: sa.Table, where: Any, **values: Any) -> Iterator[None]:
    """Change rows behind everybody's back (no values: delete them), and put them back."""
    db = Database(cloud.record.database_url)
    with db.write() as connection:
        before = [dict(row._mapping) for row in connection.execute(sa.select(table).where(where))]
        assert before
        connection.execute(table.update().where(where).values(**values) if values
                           else table.delete().where(where))  # fmt: skip
    try:
        yield
    finally:
        with db.write() as connection:
            for row in before:
                keys = [column == row[column.name] for column in table.primary_key]
                connection.execute(table.delete().where(*keys))
                connection.execute(table.insert().values(**row))
        db.engine.dispose()


BROKEN: dict[str, tuple[sa.Table, Callable[[str], Any], dict[str, Any], set[str]]] = {
    "a claim is lost": (
        schema.claims, lambda uuid: schema.claims.c.instance_uuid == uuid, {},
        {"one-claim", "used"},
    ),
    "a port is bound elsewhere": (
        schema.ports, lambda uuid: schema.ports.c.device_id == uuid, {"host_id": "host9"},
        {"ports"},
    ),
    "an address is lost": (
        schema.ip_allocations,
        lambda uuid: schema.ip_allocations.c.port_id.in_(
            sa.select(schema.ports.c.id).where(schema.ports.c.device_id == uuid)
        ),
        {}, {"ports"},
    ),
    "a quota is counted wrongly": (
        schema.quota_usages, lambda _uuid: schema.quota_usages.c.instances > 0, {"cores": 7},
        {"quota"},
    ),
    "an instance is lost": (
        schema.instances, lambda uuid: schema.instances.c.uuid == uuid, {},
        {"accepted", "domain-owner", "claim-owner", "quota", "port-owner"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_in_the_database_is_seen(cloud: WholeCloud, name: str) -> None:
    """Exactly the rules that it violates say so, the exit code is 1; put back, all holds."""
    table, where, values, rules = BROKEN[name]
    uuid = cloud.boot("broken")
    cloud.wait_for(uuid, "ACTIVE")
    with changed(cloud, table, where(uuid), **values):
        report = check(cloud)
        cloud.command("check", codes=(1,))
    assert report["verdict"] == "invalid"
    assert {one["rule"] for one in report["violations"]} == rules
    assert check(cloud) == {**check(cloud), "verdict": "valid", "violations": []}


def test_a_domain_that_is_gone_or_nobodys_is_seen(cloud: WholeCloud) -> None:
    """The hypervisor's own store is looked at, not what the database says of it."""
    uuid = cloud.boot("domain")
    host = cloud.wait_for(uuid, "ACTIVE")["OS-EXT-SRV-ATTR:host"]
    connection = libvirt.open(make_uri(cloud.record.state_dir / "hypervisor" / host, host))
    domain = connection.lookupByUUIDString(uuid)
    xml = domain.XMLDesc()
    stray = "0dd0dd0d-0000-4000-8000-000000000000"
    other = connection.defineXML(xml.replace(uuid, stray).replace(domain.name(), "stray"))
    domain.destroy()
    domain.undefine()
    seen = {(one["rule"], *one["ids"]) for one in check(cloud)["violations"]}
    other.undefine()
    connection.createXML(xml)
    assert {("one-domain", uuid), ("domain-owner", stray)} <= seen
    assert check(cloud)["violations"] == []


def test_a_store_that_cannot_be_read_leaves_it_unknown(cloud: WholeCloud) -> None:
    """Not seen is neither valid nor invalid: exit code 2, and a sentence says what."""
    folder = cloud.record.state_dir / "hypervisor"
    aside = folder / "aside"
    (folder / "host3").rename(aside)
    try:
        Path(folder / "host3").write_text("not a folder")
        report = check(cloud)
    finally:
        (folder / "host3").unlink()
        aside.rename(folder / "host3")
    assert report["verdict"] == "unknown"
    assert len(report["unread"]) == 1
    assert "host3" in report["unread"][0]
