"""Group policies at the claim: whoever races, no host has more of a group than it may."""

from __future__ import annotations

import random

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, deletes, server_groups
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, QuotaExceeded
from devstack_lite.objects.compute import Claim, GroupPolicy, ServerGroup
from tests.unit.conftest import make_boot, outcomes
from tests.unit.test_builds import UNLIMITED

HOSTS = ("host1", "host2", "host3")


def make_group(db: Database, policy: GroupPolicy, **more: int) -> str:
    group = ServerGroup(
        id=f"group-{policy}", name="g", project_id="a-project", user_id="u", policy=policy, **more
    )
    return server_groups.create_group(db, group=group, limit=-1).id


def boot(db: Database, context: RequestContext, group: str, count: int) -> list[str]:
    wanted = make_boot(count, scheduler_hints={"group": group})
    return [one.uuid for one in builds.create_instances(db, context, wanted, UNLIMITED)]


def claim(uuid: str, host: str) -> Claim:
    return Claim(
        instance_uuid=uuid, host=host, node=host, vcpus=1, memory_mb=512, disk_gb=1, attempt=1
    )


def test_anti_affinity_holds_at_the_claim(db: Database, context: RequestContext) -> None:
    """In one call or in several: the second member on a host is refused."""
    first, second, third = boot(db, context, make_group(db, GroupPolicy.ANTI_AFFINITY), 3)
    assert outcomes(claims.claim_nodes(db, [claim(first, "host1"), claim(second, "host1")])) == [
        claims.CLAIMED, claims.AGAINST_POLICY,
    ]  # fmt: skip
    again = [claim(first, "host1"), claim(third, "host1"), claim(second, "host2")]
    assert outcomes(claims.claim_nodes(db, again)) == [
        claims.CLAIMED, claims.AGAINST_POLICY, claims.CLAIMED,
    ]  # fmt: skip


def test_affinity_holds_at_the_claim(db: Database, context: RequestContext) -> None:
    """The first member chooses; the others are where it is, or nowhere."""
    first, second, third = boot(db, context, make_group(db, GroupPolicy.AFFINITY), 3)
    wanted = [claim(first, "host2"), claim(second, "host1"), claim(third, "host2")]
    assert outcomes(claims.claim_nodes(db, wanted)) == [
        claims.CLAIMED, claims.AGAINST_POLICY, claims.CLAIMED,
    ]  # fmt: skip


def test_as_many_as_the_group_allows(db: Database, context: RequestContext) -> None:
    group = make_group(db, GroupPolicy.ANTI_AFFINITY, max_server_per_host=2)
    uuids = boot(db, context, group, 3)
    answers = outcomes(claims.claim_nodes(db, [claim(uuid, "host1") for uuid in uuids]))
    assert answers == [claims.CLAIMED, claims.CLAIMED, claims.AGAINST_POLICY]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_claimed_keeps_the_policy(
    db: Database, context: RequestContext, seed: int
) -> None:
    """Random claims and deletes: never two of a group on one host."""
    chance = random.Random(seed)
    group = make_group(db, GroupPolicy.ANTI_AFFINITY)
    waiting, placed = boot(db, context, group, 12), dict[str, str]()
    for _ in range(40):
        if placed and chance.random() < 0.4:
            uuid = chance.choice(sorted(placed))
            deletes.begin_delete(db, context, uuid)  # no host has started it: it is gone at once
            del placed[uuid]
        uuids = [uuid for uuid in waiting if uuid not in placed][:3]
        wanted = [claim(uuid, chance.choice(HOSTS)) for uuid in uuids]
        answers = outcomes(claims.claim_nodes(db, wanted))
        for one, answer in zip(wanted, answers, strict=True):
            if answer == claims.CLAIMED:
                placed[one.instance_uuid] = one.host
            elif answer == claims.STALE:
                waiting.remove(one.instance_uuid)
        assert len(set(placed.values())) == len(placed)
    found = server_groups.placement_of(db, group)
    assert found is not None
    assert +found.members_on == dict.fromkeys(placed.values(), 1)


def test_membership_follows_the_instance(db: Database, context: RequestContext) -> None:
    group = make_group(db, GroupPolicy.AFFINITY)
    (uuid,) = boot(db, context, group, 1)
    assert server_groups.get_group(db, group, project_id="a-project").members == (uuid,)
    deletes.begin_delete(db, context, uuid)
    assert server_groups.get_group(db, group, project_id=None).members == ()


def test_what_a_group_refuses(db: Database, context: RequestContext) -> None:
    """A boot into no group leaves nothing behind; one group more than the quota allows."""
    with pytest.raises(Invalid, match="could not be found"):
        boot(db, context, "nonesuch", 2)
    with db.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM instances").scalar() == 0
    make_group(db, GroupPolicy.AFFINITY)
    other = ServerGroup(id="o", name="o", project_id="a-project", user_id="u", policy="affinity")
    with pytest.raises(QuotaExceeded):
        server_groups.create_group(db, group=other, limit=1)
