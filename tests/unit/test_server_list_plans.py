"""Lists of servers are read by an index, in its order: nothing is scanned and nothing sorted."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.db import pages
from devstack_lite.db.engine import Database
from devstack_lite.db.instances import SORT_KEYS, InstanceFilter, list_instances, list_query
from devstack_lite.db.schema import instances, metadata

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
COUNT = 200
FLAVOR = {"id": "1", "name": "f", "vcpus": 1, "memory_mb": 1, "root_gb": 1}


def row(number: int) -> dict[str, Any]:
    """Return an instance of one of two projects; some have been deleted, some have no host."""
    return {
        "uuid": f"{number:08d}", "name": f"vm{number}", "project_id": f"p{number % 2}",
        "user_id": "u", "flavor": FLAVOR, "image_ref": "i",
        "vm_state": "error" if number % 50 == 0 else "active", "power_state": 1, "attempt": 1,
        "hostname": "h", "launch_index": 0, "reservation_id": "r", "metadata": {},
        "network_info": [], "progress": 0, "boot_request": {}, "request_id": "req",
        "host": None if number % 3 else f"host{number % 5}",
        "launched_at": None if number % 7 else NOW + datetime.timedelta(hours=number),
        "created_at": NOW + datetime.timedelta(seconds=number // 4),
        "updated_at": NOW + datetime.timedelta(minutes=number),
        "deleted_at": NOW if number % 10 == 9 else None,
    }  # fmt: skip


@pytest.fixture(scope="module")
def db() -> Database:
    made = Database("sqlite://")
    metadata.create_all(made.engine)
    with made.write() as connection:
        connection.execute(instances.insert(), [row(number) for number in range(COUNT)])
        connection.execute(sa.text("ANALYZE"))
    return made


def plan_of(db: Database, query: sa.Select[Any]) -> list[str]:
    text = query.compile(db.engine, compile_kwargs={"render_postcompile": True})
    with db.read() as connection:
        asked = f"EXPLAIN QUERY PLAN {text}"
        return [str(one[3]) for one in connection.exec_driver_sql(asked, _values(db, text))]


def _values(db: Database, compiled: Any) -> Any:
    values = compiled.construct_params()
    processors = compiled._bind_processors
    return tuple(
        processors[name](values[name]) if name in processors else values[name]
        for name in compiled.positiontup
    )


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"project_id": "p1"}, "ix_instances_project_list"),
        ({}, "ix_instances_list"),
        ({"project_id": "p1", "name_pattern": "^vm1"}, "ix_instances_project_list"),
        ({"project_id": "p1", "ip_patterns": ("10.0",)}, "ix_instances_project_list"),
        ({"project_id": "p1", "flavor_id": "1"}, "ix_instances_project_list"),
        ({"project_id": "p1", "all_tags": ("a",)}, "ix_instance_tags_tag"),
        ({"equals": (("uuid", "00000001"),)}, "sqlite_autoindex_instances_1"),
        ({"equals": (("host", "host1"),)}, "ix_instances_host"),
    ],
    ids=["project", "all", "name", "ip", "flavor", "tags", "uuid", "host"],
)
def test_a_list_uses_an_index(db: Database, wanted: dict[str, Any], index: str) -> None:
    plan = plan_of(db, list_query(InstanceFilter(**wanted)))
    assert [step for step in plan if step.startswith("SCAN")] == [], plan
    assert f"INDEX {index} " in " ".join(plan), plan


@pytest.mark.parametrize("project_id", ["p1", None])
def test_the_default_order_is_an_index_s(db: Database, project_id: str | None) -> None:
    """Also behind a marker, where the index begins at it."""
    wanted = InstanceFilter(project_id=project_id)
    query = list_query(wanted)
    with db.read() as connection:
        marked = connection.execute(sa.select(instances).limit(1)).one()
    behind = query.where(pages.behind(instances, marked, wanted.sort))
    for each in (query, behind):
        assert "TEMP B-TREE" not in " ".join(plan_of(db, each))
    assert "created_at<?" in " ".join(plan_of(db, behind))


@pytest.mark.parametrize("project_id", ["p1", None])
def test_changes_and_states_have_indexes(db: Database, project_id: str | None) -> None:
    since = NOW + datetime.timedelta(minutes=COUNT - 2)
    changed = InstanceFilter(project_id=project_id, changes_since=since, is_deleted=None)
    assert "updated_at>?" in " ".join(plan_of(db, list_query(changed)))
    if project_id is None:
        failed = InstanceFilter(vm_states=("error",))
        assert "ix_instances_state (vm_state=?" in " ".join(plan_of(db, list_query(failed)))


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("key", sorted(SORT_KEYS))
def test_pages_hold_everything_once_by_every_key(db: Database, key: str, direction: str) -> None:
    """Also where a key is null, or the same in many."""
    sort = ((key, direction),) if key == "uuid" else ((key, direction), ("uuid", direction))
    whole = [one.uuid for one in list_instances(db, InstanceFilter(sort=sort, is_deleted=None))]
    paged: list[str] = []
    while len(paged) < COUNT:
        marker = paged[-1] if paged else None
        wanted = InstanceFilter(sort=sort, is_deleted=None, marker=marker, limit=37)
        page = [one.uuid for one in list_instances(db, wanted)]
        assert page
        paged += page
    assert paged == whole
    assert len(set(whole)) == COUNT
