"""Under nova semantics nothing is asked for again; under durable all of it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devstack_lite import semantics
from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Instance
from devstack_lite.steps import StepLog
from services.conductor.endpoints.hosts import Hosts
from tests.unit.conftest import make_boot
from tests.unit.test_builds import UNLIMITED, claim_of, order_of


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    semantics.adopt("durable")


class Dispatcher:
    """Notes what is handed out."""

    def __init__(self) -> None:
        self.handed_out: list[str] = []

    def dispatch(self, instance: Instance) -> None:
        self.handed_out.append(instance.uuid)


@pytest.mark.parametrize(("wanted", "count"), [("durable", 1), ("nova", 0)])
def test_what_a_dead_worker_had_in_hand(
    db: Database, context: RequestContext, wanted: str, count: int
) -> None:
    """Its successor has it handed out again, or not."""
    boot = make_boot()
    uuid = boot.instance_uuids[0]
    builds.create_instances(db, context, boot, UNLIMITED)
    claims.claim_nodes(db, [claim_of(uuid)])
    builds.start_builds(db, "host1", "host1/1/dead", [order_of(uuid)], StepLog())
    semantics.adopt(wanted)
    dispatcher: Any = Dispatcher()
    left = Hosts(db, dispatcher).worker_started(
        context, service="compute", host="host1", number=1, owner="host1/1/next",
        started_at=utcnow(),
    )  # fmt: skip
    assert left == count
    assert dispatcher.handed_out == [uuid] * count


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a valid Semantics"):
        semantics.adopt("sometimes")
