"""Who is asked for a move, and what a conductor confirms by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import claims, instances, live_migrations, resizes
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Claim, Instance, ScheduleRequest
from devstack_lite.states import TaskState
from services.conductor.dispatch import Dispatcher
from services.conductor.reconciler import Reconciler
from services.scheduler.decide import Scheduler
from services.scheduler.hosts import HostTable
from tests.unit.conftest import make_boot, make_node
from tests.unit.test_builds import UNLIMITED, build_to_active
from tests.unit.test_resizes import SMALL, asked, resized


@dataclass
class Peers:
    """The scheduler and the hosts: what they are asked."""

    placed: list[ScheduleRequest] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    def reschedule_builds(self, context: RequestContext, *, request: ScheduleRequest) -> None:
        self.placed.append(request)

    def run_operation(self, context: RequestContext, *, host: str, instance: Instance) -> None:
        self.told.append((host, str((instance.operation or {})["name"])))


@pytest.fixture
def peers() -> Peers:
    return Peers()


@pytest.fixture
def dispatcher(peers: Peers) -> Dispatcher:
    return Dispatcher(peers, peers)  # type: ignore[arg-type]


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that is ACTIVE on host1."""
    return build_to_active(db, context)


@pytest.mark.parametrize(("may_stay", "ignored"), [(False, ("host1",)), (True, ())])
def test_a_resize_is_placed_as_what_it_shall_be(
    db: Database, uuid: str, peers: Peers, dispatcher: Dispatcher, may_stay: bool,
    ignored: tuple[str, ...],
) -> None:  # fmt: skip
    """With the new flavor, never on its node, on its host if an operator allows it."""
    moving = resizes.begin_resize(
        db, asked("req-resize"), uuid, flavor=SMALL, target_host=None, may_stay_on_host=may_stay,
        limits=UNLIMITED,
    )  # fmt: skip
    dispatcher.dispatch(moving)
    (request,) = peers.placed
    assert (request.boot.flavor.id, request.attempt) == ("2", moving.attempt)
    assert (request.ignore_hosts, request.ignore_nodes) == (ignored, ("host1",))


def test_a_live_migration_goes_where_it_is_told(
    db: Database, uuid: str, peers: Peers, dispatcher: Dispatcher
) -> None:
    dispatcher.dispatch(
        live_migrations.begin_live_migration(db, asked("req-live"), uuid, target_host="host3")
    )
    (request,) = peers.placed
    assert (request.only_host, request.ignore_hosts) == ("host3", ("host1",))


def test_its_own_node_is_never_chosen() -> None:
    """Though its host has another one."""
    table = HostTable()
    nodes = [make_node("host1", id=name, hypervisor_hostname=name) for name in ("n1", "n2")]
    table.load(nodes)
    request = ScheduleRequest(boot=make_boot(), ignore_nodes=("n1",))
    decision = Scheduler((), ()).decide(table, request, 1)
    assert [one.node for one in decision.selections] == ["n2"]


@pytest.mark.parametrize(("window_s", "confirmed"), [(0, False), (3600, False), (-1, True)])
def test_a_conductor_confirms_what_waits_for_too_long(
    db: Database, uuid: str, peers: Peers, dispatcher: Dispatcher, window_s: int, confirmed: bool
) -> None:
    """By its old host; never where the window is 0."""
    resized(db, uuid)
    conf: Any = SimpleNamespace(
        resize_confirm_window=window_s, reclaim_instance_interval=0, shelved_offload_time=0,
        service_down_time_s=60,
        conductor=SimpleNamespace(
            sweep_s=1, unowned_bound_s=60, owned_bound_s=60, leftovers_s=60, deleted_kept=-1
        ),
    )  # fmt: skip
    Reconciler(conf, db, dispatcher, holder="me").sweep()
    assert peers.told == ([("host1", "confirmResize")] if confirmed else [])
    state = instances.get_instance(db, uuid).task_state
    assert state == (TaskState.RESIZE_CONFIRMING if confirmed else None)


def test_a_claim_beside_another_is_for_what_it_shall_be(db: Database, uuid: str) -> None:
    """A node without room for the new flavor is full, and nothing was taken."""
    moving = resizes.begin_resize(
        db, asked("req-resize"), uuid, flavor=SMALL, target_host=None, may_stay_on_host=False,
        limits=UNLIMITED,
    )  # fmt: skip
    wanted = Claim(
        instance_uuid=uuid, host="host2", node="host2", vcpus=99, memory_mb=1, disk_gb=1,
        attempt=moving.attempt,
    )  # fmt: skip
    assert [one.outcome for one in claims.claim_nodes(db, [wanted])] == [claims.FULL]
