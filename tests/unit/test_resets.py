"""An administrator's reset of a state: the books are right, whatever the instance was and did."""

from __future__ import annotations

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import instances, resets
from devstack_lite.db.engine import Database
from devstack_lite.states import VmState
from tests.unit import test_resizes as resizing
from tests.unit.test_builds import build_to_active, used
from tests.unit.test_deferred_delete import counted, soft_deleted


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that is ACTIVE on host1."""
    return build_to_active(db, context)


def test_what_was_soft_deleted_is_counted_again(db: Database, uuid: str) -> None:
    soft_deleted(db, uuid)
    assert counted(db) == 0
    for _ in range(2):
        resets.reset_state(db, uuid, VmState.ACTIVE)
    assert counted(db) == 1


def test_a_resize_that_is_under_way_takes_nothing_any_more(db: Database, uuid: str) -> None:
    """Neither of the other host nor of the quota."""
    resizing.start(db, resizing.begin(db, uuid))
    resets.reset_state(db, uuid, VmState.ACTIVE)
    assert used(db) == resizing.TAKEN
    assert used(db, "host2") == resizing.FREE
    assert instances.get_usage(db, "a-project") == resizing.BEFORE


def test_a_resized_instance_that_is_reset_lets_go_of_where_it_was(db: Database, uuid: str) -> None:
    resizing.resized(db, uuid)
    assert used(db) == resizing.TAKEN
    resets.reset_state(db, uuid, VmState.ACTIVE)
    assert used(db) == resizing.FREE
    assert used(db, "host2") == resizing.LARGER
    assert instances.get_usage(db, "a-project") == resizing.AFTER
