"""How many SQL statements a boot is for the conductor, whatever else there is."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, deletes, ports, schema
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.names import port_id_of
from devstack_lite.objects.compute import BuildOrder, BuildResult, Claim
from devstack_lite.objects.network import Port
from devstack_lite.states import PowerState, Verdict
from devstack_lite.steps import StepLog
from tests.unit.conftest import make_boot

MOST = {"create": 4, "claim": 6, "start": 5, "ports": 8, "finish": 9, "delete": 25}
"""With BEGIN, without COMMIT. A delete is the conductor's two calls, without its ports."""
LIMITS = Limits(instances=1000, cores=1000, ram=10**6)


@pytest.fixture
def roomy(db: Database) -> None:
    """Give the node room for all."""
    with db.write() as connection:
        connection.execute(schema.compute_nodes.update().values(vcpus=1000, memory_mb=10**6))


class Life:
    """Boots instances and deletes them, and counts the statements of each part."""

    def __init__(self, db: Database, context: RequestContext, network: str) -> None:
        self._db = db
        self._context = context
        self._network = network
        self._part = ""
        self.counted: Counter[str] = Counter()

    def note(self, *_statement: object) -> None:
        self.counted[self._part] += 1

    def _do(self, part: str, act: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self._part = part
        return act(self._db, *arguments, **named)

    def boot(self) -> str:
        boot = make_boot()
        (one,) = boot.instance_uuids
        self._do("create", builds.create_instances, self._context, boot, LIMITS)
        claim = Claim(
            instance_uuid=one, host="host1", node="host1", vcpus=1, memory_mb=512, disk_gb=0,
            attempt=1,
        )  # fmt: skip
        decision = {"uuid": str(uuid.uuid4()), "selections": [{"node": "host1"}]}
        self._do("claim", claims.claim_nodes, [claim], decision=decision)
        order = BuildOrder(instance_uuid=one, node="host1", attempt=1)
        self._do("start", builds.start_builds, "host1", "me", [order], log_of(1, 10))
        port = Port(
            id=port_id_of(one, 0), network_id=self._network, project_id="a-project",
            device_id=one, device_owner="compute:nova", host_id="host1",
        )  # fmt: skip
        self._do("ports", ports.create_ports, [port])
        result = BuildResult(
            instance_uuid=one, attempt=1, node="host1", power_state=PowerState.RUNNING,
            steps=log_of(12, 18).to_message(), network_info=({"port_id": port.id},),
        )  # fmt: skip
        assert self._do("finish", builds.finish_builds, [result], "nova") == {one: Verdict.MINE}
        return one

    def delete(self, one: str) -> None:
        self._do("delete", deletes.begin_delete, self._context, one)
        assert self._do("delete", deletes.finish_delete, one)


def log_of(first: int, last: int) -> StepLog:
    log = StepLog()
    for step in range(first, last + 1):
        log.open(step)
        log.close()
    return log


@pytest.fixture
def life(db: Database, context: RequestContext, network: str, roomy: None) -> Iterator[Life]:
    one = Life(db, context, network)
    sa.event.listen(db.engine, "before_cursor_execute", one.note)
    yield one
    sa.event.remove(db.engine, "before_cursor_execute", one.note)


def test_a_boot_is_few_statements(life: Life) -> None:
    """The project's first one is more: its row of quotas and its default group are made."""
    life.boot()
    life.counted.clear()
    life.delete(life.boot())
    assert all(life.counted[part] <= most for part, most in MOST.items()), life.counted


def test_they_are_as_many_whatever_is_there(life: Life) -> None:
    """A host with many instances, a project with many ports: no statement more."""
    life.boot()
    life.counted.clear()
    life.boot()
    alone = life.counted.copy()
    for _ in range(40):
        life.boot()
    life.counted.clear()
    life.boot()
    assert life.counted == alone
