"""A host's zone is its aggregate's, wherever it is read, and whenever its nodes are reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import aggregates, hosts
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict
from devstack_lite.objects.compute import Aggregate
from tests.unit.conftest import make_node
from tests.unit.test_builds import build_to_active


@pytest.fixture
def east(db: Database) -> int:
    """Return the id of an aggregate that is a zone."""
    for host in ("host1", "host2"):
        hosts.report_service(
            db, binary="nova-compute", host=host, topic="compute", availability_zone="nova"
        )
    made = Aggregate(uuid="east", name="east", metadata={aggregates.ZONE: "east"})
    return aggregates.create_aggregate(db, aggregate=made).id


def _version(db: Database) -> int:
    with db.read() as connection:
        return aggregates.read_version(connection)


def zones(db: Database) -> dict[str, str]:
    return {node.hypervisor_hostname: node.availability_zone for node in hosts.list_nodes(db)}


def test_a_node_that_is_reported_later_is_in_its_hosts_zone(db: Database, east: int) -> None:
    """What the host's configuration says of its zone is said once, and does not come back."""
    before = _version(db)
    aggregates.add_host(db, aggregate_id=east, host="host1")
    assert _version(db) == before + 1
    second = replace(make_node("host1-b"), host="host1")
    hosts.report_nodes(db, [make_node("host1", vcpus=99), second])
    assert (zones(db)["host1"], zones(db)["host1-b"]) == ("east", "east")
    aggregates.remove_host(db, aggregate_id=east, host="host1")
    assert (zones(db)["host1"], zones(db)["host1-b"]) == ("nova", "nova")


def test_a_host_with_instances_does_not_change_its_zone(
    db: Database, context: RequestContext, east: int
) -> None:
    """Neither by coming nor by going; the scheduler would say another zone than its users asked."""
    build_to_active(db, context)
    with pytest.raises(Conflict, match="contain instances"):
        aggregates.add_host(db, aggregate_id=east, host="host1")
    aggregates.add_host(db, aggregate_id=east, host="host2")
    with pytest.raises(Conflict, match="not empty"):
        aggregates.delete_aggregate(db, aggregate_id=east)
