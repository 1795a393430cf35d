"""A database of its own for each test, with the tables and three nodes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import hosts, schema
from devstack_lite.db.claims import NODE_VERSION
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import BootRequest, ClaimAnswer, ComputeNode, Flavor

TINY = Flavor(id="1", name="m1.tiny", vcpus=1, memory_mb=512, root_gb=1)


def make_node(host: str, **more: object) -> ComputeNode:
    values: dict[str, object] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, host)),
        "host": host,
        "hypervisor_hostname": host,
        "vcpus": 4,
        "memory_mb": 4096,
        "disk_gb": 100,
        **more,
    }
    return ComputeNode(**values)  # type: ignore[arg-type]


def inventory(**more: object) -> dict[str, object]:
    """Return an inventory of a resource class as a host reports it."""
    return {
        "total": 1, "reserved": 0, "min_unit": 1, "max_unit": 2**31 - 1, "step_size": 1,
        "allocation_ratio": 1.0, **more,
    }  # fmt: skip


def make_boot(count: int = 1, flavor: Flavor = TINY, **more: object) -> BootRequest:
    values: dict[str, object] = {
        "name": "vm",
        "flavor": flavor,
        "image_ref": "an-image",
        "instance_uuids": tuple(str(uuid.uuid4()) for _ in range(count)),
        "reservation_id": "r-1",
        **more,
    }
    return BootRequest(**values)  # type: ignore[arg-type]


def outcomes(answers: Sequence[ClaimAnswer]) -> list[str]:
    """Return what became of claims, without where."""
    return [answer.outcome for answer in answers]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/test.sqlite")
    schema.metadata.create_all(database.engine)
    with database.write() as connection:
        connection.execute(schema.counters.insert().values(name=NODE_VERSION, value=0))
    hosts.report_nodes(database, [make_node(name) for name in ("host1", "host2", "host3")])
    yield database
    database.engine.dispose()


@pytest.fixture
def context() -> RequestContext:
    return RequestContext(user_id="a-user", project_id="a-project", roles=["member"])


@pytest.fixture
def network(db: Database) -> str:
    """A network of 65,000 addresses."""
    now = utcnow()
    times = {"created_at": now, "updated_at": now}
    with db.write() as connection:
        connection.execute(
            schema.networks.insert().values(id="net", name="net", project_id="a-project", **times)
        )
        connection.execute(
            schema.subnets.insert().values(
                id="subnet", network_id="net", project_id="a-project", name="", ip_version=4,
                cidr="10.0.0.0/16", dns_nameservers=[], host_routes=[],
                allocation_pools=[{"start": "10.0.0.2", "end": "10.0.255.254"}], **times,
            )
        )  # fmt: skip
    return "net"
