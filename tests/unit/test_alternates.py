"""What a node refuses goes to an alternate, in the same transaction; and what fails is counted."""

from __future__ import annotations

from dataclasses import replace

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, failed_builds, hosts
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import BuildResult, Claim, GroupPolicy, Place
from devstack_lite.steps import StepLog
from tests.unit.conftest import make_boot
from tests.unit.test_builds import build_to_active, claim_of, create, order_of, used
from tests.unit.test_server_groups import boot, make_group

HOST2, HOST3 = Place(host="host2", node="host2"), Place(host="host3", node="host3")


def asked(uuid: str, *alternates: Place, host: str = "host1") -> Claim:
    return replace(claim_of(uuid, host), alternates=alternates)


def places(db: Database, wanted: list[Claim]) -> list[tuple[str, str]]:
    return [(one.outcome, one.node) for one in claims.claim_nodes(db, wanted)]


def test_a_full_nodes_claim_goes_to_the_first_alternate_with_room(
    db: Database, context: RequestContext
) -> None:
    """Asked again, it is told the same and takes nothing more."""
    request = make_boot(5)
    create(db, context, request)
    wanted = [asked(uuid, HOST2, HOST3) for uuid in request.instance_uuids]
    expected = [("claimed", "host1")] * 4 + [("claimed", "host2")]
    assert places(db, wanted) == expected
    assert places(db, wanted) == expected
    assert used(db, "host2") == (1, 512, 1, 1, 1)


def test_without_room_anywhere_it_is_full(db: Database, context: RequestContext) -> None:
    request = make_boot(9)
    create(db, context, request)
    wanted = [asked(uuid, HOST2) for uuid in request.instance_uuids]
    assert places(db, wanted)[-1] == ("full", "host1")
    assert used(db) == used(db, "host2") == (4, 2048, 4, 4, 4)


def test_an_alternate_is_held_to_the_groups_policy(db: Database, context: RequestContext) -> None:
    """Anti-affinity: the second goes on to the alternate without a member."""
    first, second = boot(db, context, make_group(db, GroupPolicy.ANTI_AFFINITY), 2)
    assert places(db, [asked(first), asked(second, Place(host="host1", node="host1"), HOST3)]) == [
        ("claimed", "host1"), ("claimed", "host3"),
    ]  # fmt: skip


def test_failures_are_counted_until_a_build_succeeds(db: Database, context: RequestContext) -> None:
    request = make_boot()
    (uuid,) = request.instance_uuids
    create(db, context, request)
    claims.claim_nodes(db, [claim_of(uuid)])
    builds.start_builds(db, "host1", "me", [order_of(uuid)], StepLog())
    failed = BuildResult(instance_uuid=uuid, attempt=1, node="host1", error="no", can_retry=True)
    failed_builds.fail_builds(db, [failed], max_attempts=3)

    def failures() -> int:
        return next(node.failed_builds for node in hosts.list_nodes(db) if node.host == "host1")

    assert failures() == 1
    build_to_active(db, context)
    assert failures() == 0
