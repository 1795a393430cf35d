"""Many requests in one transaction: each as if it had come alone, or none of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, decisions, deletes, hosts, instances, ports, schema
from devstack_lite.db.engine import Database
from devstack_lite.db.ports import PortFilter
from devstack_lite.db.quotas import Limits
from devstack_lite.exceptions import NotFound, QuotaExceeded
from devstack_lite.objects.compute import BootRequest, BuildOrder
from devstack_lite.objects.network import Port
from devstack_lite.rpc import server, together
from devstack_lite.steps import StepLog
from services.conductor.dispatch import Dispatcher
from services.conductor.endpoints.builds import Builds
from services.conductor.endpoints.networks import Networks
from tests.unit.conftest import TINY, make_boot, make_node
from tests.unit.test_builds import claim_of

UNLIMITED = Limits(instances=-1, cores=-1, ram=-1)


def boots(context: RequestContext, count: int) -> list[tuple[RequestContext, BootRequest]]:
    """Return requests of a user's, each with an id of its own."""
    return [
        (
            RequestContext(
                user_id=context.user_id, project_id=context.project_id, request_id=f"req-{number}"
            ),
            make_boot(name=f"vm-{number}"),
        )
        for number in range(count)
    ]


def uuid_of(boot: BootRequest) -> str:
    return boot.instance_uuids[0]


@pytest.fixture
def statements(db: Database) -> Any:
    """Begin to count statements when called; return the list that they are added to."""
    seen: list[str] = []

    def begin() -> list[str]:
        sa.event.listen(
            db.engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2])
        )
        return seen

    return begin


def test_each_request_keeps_what_is_its_own(db: Database, context: RequestContext) -> None:
    asked = boots(context, 3)
    made = builds.create_all(db, [(own, boot, UNLIMITED) for own, boot in asked])
    for (own, boot), [instance] in zip(asked, made, strict=True):
        there = instances.get_instance(db, uuid_of(boot))
        assert (there.name, there.request_id) == (boot.name, own.request_id)
        assert instance.uuid == there.uuid


def test_more_requests_take_few_more_statements(
    db: Database, context: RequestContext, statements: Callable[[], list[str]]
) -> None:
    """Beside each one's own quota none."""
    builds.create_all(db, [(own, boot, UNLIMITED) for own, boot in boots(context, 1)])
    seen = statements()
    builds.create_all(db, [(own, boot, UNLIMITED) for own, boot in boots(context, 1)])
    alone = len(seen)
    seen.clear()
    builds.create_all(db, [(own, boot, UNLIMITED) for own, boot in boots(context, 5)])
    assert len(seen) - alone <= 4


def test_all_or_none(db: Database, context: RequestContext) -> None:
    """A project's quota that has no room for the last of them leaves none."""
    asked = boots(context, 3)
    limits = Limits(instances=2, cores=-1, ram=-1)
    with pytest.raises(QuotaExceeded):
        builds.create_all(db, [(own, boot, limits) for own, boot in asked])
    with db.read() as connection:
        assert connection.execute(sa.select(schema.instances.c.uuid)).all() == []


def test_a_users_requests_see_each_other(db: Database, context: RequestContext) -> None:
    """What one user may have holds for the requests of one moment, too."""
    limits = Limits(instances=-1, cores=-1, ram=-1, of_user={"instances": 2})
    builds.create_all(db, [(own, boot, limits) for own, boot in boots(context, 2)])
    with pytest.raises(QuotaExceeded):
        builds.create_all(db, [(own, boot, limits) for own, boot in boots(context, 1)])
    db_limits = Limits(instances=-1, cores=-1, ram=-1, of_user={"instances": 3})
    with pytest.raises(QuotaExceeded):
        builds.create_all(db, [(own, boot, db_limits) for own, boot in boots(context, 2)])


def endpoint(db: Database, instances_limit: int) -> Builds:
    return Builds(
        db,
        object.__new__(Dispatcher),
        limits=lambda _project, _user: Limits(instances=instances_limit, cores=-1, ram=-1),
        max_attempts=3,
    )


def test_who_comes_first_has_room(db: Database, context: RequestContext) -> None:
    """The conductor records what fits, and tells the one that does not."""
    asked = boots(context, 3)
    calls: list[together.Call] = [(own, {"boot": boot}) for own, boot in asked]
    answers = together.answer(endpoint(db, 2), "create_instances", "rpc.x", calls, server.run)
    assert [type(answer) for answer in answers] == [list, list, QuotaExceeded]


def test_delivered_twice_it_is_recorded_once(db: Database, context: RequestContext) -> None:
    """Whether alone or in other company."""
    asked = boots(context, 3)
    own = endpoint(db, -1)
    for some in (asked[:2], asked[1:], asked):
        calls = [(one, {"boot": boot}) for one, boot in some]
        answers = together.answer(own, "create_instances", "rpc.x", calls, server.run)
        assert [[uuid_of(boot)] for _, boot in some] == [
            [made.uuid for made in answer] for answer in answers
        ]


def test_claims_of_many_requests_cannot_over_allocate(
    db: Database, context: RequestContext
) -> None:
    """Four of a core each on a node of two: two have it; each decision is kept with its answer."""
    hosts.report_nodes(db, [make_node("host1", vcpus=2, memory_mb=8192)])
    asked = boots(context, 4)
    builds.create_all(db, [(own, boot, UNLIMITED) for own, boot in asked])
    found = claims.claim_all(
        db,
        [
            claims.ClaimRequest(
                wanted=[claim_of(uuid_of(boot))],
                decision={"uuid": str(uuid.uuid4()), "selections": [{"node": "host1"}]},
                request_id=str(own.request_id),
            )
            for own, boot in asked
        ],
    )
    outcomes = [answer.outcome for [answer] in found]
    assert outcomes == [claims.CLAIMED, claims.CLAIMED, claims.FULL, claims.FULL]
    for (own, boot), outcome in zip(asked, outcomes, strict=True):
        [kept] = decisions.of_request(db, str(own.request_id))
        assert [(one["instance"], one["answer"]) for one in kept["selections"]] == [
            (uuid_of(boot), outcome)
        ]


def test_many_are_deleted_at_once(db: Database, context: RequestContext) -> None:
    """One that is gone already is answered so; what is no delete stays."""
    asked = boots(context, 4)
    builds.create_all(db, [(own, boot, UNLIMITED) for own, boot in asked])
    hosts.report_nodes(db, [make_node("host1")])
    uuids = [uuid_of(boot) for _, boot in asked]
    claims.claim_nodes(db, [claim_of(one) for one in uuids])
    builds.start_builds(
        db, "host1", "me",
        [BuildOrder(instance_uuid=one, node="host1", attempt=1) for one in uuids], StepLog(),
    )  # fmt: skip
    begun = deletes.begin_all(db, [(own, uuid_of(boot)) for own, boot in asked[:3]])
    assert [one.uuid for one in begun] == uuids[:3]
    with pytest.raises(NotFound):
        deletes.begin_all(db, [(asked[3][0], uuids[3]), (context, "nothing")])
    assert deletes.finish_delete(db, uuids[0])
    assert deletes.finish_all(db, uuids) == [False, True, True, False]
    assert [node.instances for node in hosts.list_nodes(db) if node.host == "host1"] == [1]


def test_ports_are_removed_together_or_not_at_all(
    db: Database, context: RequestContext, network: str
) -> None:
    """With one that is gone among them, each is told how its own removal went."""
    made = ports.create_ports(
        db,
        [
            Port(id=f"port-{number}", network_id=network, project_id=str(context.project_id))
            for number in range(3)
        ],
    )
    own = Networks(db)
    calls: list[together.Call] = [(context, {"port_id": port.id}) for port in made]
    assert ports.delete_port(db, made[1].id)
    answers = together.answer(own, "delete_port", "rpc.x", calls, server.run)
    assert answers == [True, False, True]
    assert ports.list_ports(db, PortFilter()) == []


def test_builds_of_many_requests_are_handed_over_each_to_its_own(
    db: Database, context: RequestContext
) -> None:
    """One that is somebody else's by now is left out of its own request's answer alone."""
    hosts.report_nodes(db, [make_node("host1")])
    asked = boots(context, 3)
    builds.create_all(db, [(own, boot, UNLIMITED) for own, boot in asked])
    claims.claim_nodes(db, [claim_of(uuid_of(boot)) for _, boot in asked])
    orders = [
        BuildOrder(instance_uuid=uuid_of(boot), node="host1", attempt=2 if number == 1 else 1)
        for number, (_, boot) in enumerate(asked)
    ]
    groups = [([order], StepLog()) for order in orders]
    granted = builds.start_all(db, "host1", "me", groups)
    assert [[one.uuid for one in own] for own in granted] == [
        [orders[0].instance_uuid], [], [orders[2].instance_uuid],
    ]  # fmt: skip
    assert all(one.flavor == TINY for own in granted for one in own)
