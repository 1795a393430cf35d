"""A host's domains against its instances: put right, left alone, or looked at again."""

from __future__ import annotations

import datetime

import pytest

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import instances, leftovers
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import FoundDomain, HostFindings
from devstack_lite.states import PowerState, VmState
from tests.unit.test_builds import build_to_active

LATER = datetime.timedelta(seconds=leftovers.SETTLE_S + 1)


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    return build_to_active(db, context)


def compare(
    db: Database, *domains: FoundDomain, seen_at: datetime.datetime | None = None
) -> HostFindings:
    seen_at = seen_at or utcnow() + LATER
    return leftovers.compare_host(db, host="host1", domains=domains, seen_at=seen_at)


def domain_of(uuid: str, power_state: PowerState = PowerState.RUNNING) -> FoundDomain:
    return FoundDomain(uuid=uuid, node="host1", power_state=int(power_state))


def test_what_agrees_needs_nothing(db: Database, uuid: str) -> None:
    assert compare(db, domain_of(uuid)) == HostFindings()


def test_a_guest_that_died_is_stopped(db: Database, uuid: str) -> None:
    """The hypervisor's word on power is recorded, and the instance follows it."""
    assert compare(db, domain_of(uuid, PowerState.SHUTDOWN)) == HostFindings()
    instance = instances.get_instance(db, uuid)
    assert instance.vm_state is VmState.STOPPED
    assert instance.power_state is PowerState.SHUTDOWN


def test_what_is_fresh_is_looked_at_again_soon(db: Database, uuid: str) -> None:
    """A difference that may be a change under way is neither judged nor left until next time."""
    off = domain_of(uuid, PowerState.SHUTDOWN)
    assert compare(db, off, seen_at=utcnow()).look_again_s == leftovers.SETTLE_S
    assert compare(db, seen_at=utcnow()).look_again_s == leftovers.SETTLE_S
    assert instances.get_instance(db, uuid).vm_state is VmState.ACTIVE
    assert compare(db, domain_of(uuid), seen_at=utcnow()) == HostFindings()


def test_a_domain_without_an_instance_is_ownerless(db: Database, uuid: str) -> None:
    stray = domain_of("00000000-0000-4000-8000-000000000000")
    assert compare(db, domain_of(uuid), stray).ownerless == (stray,)


def test_a_domain_on_another_node_is_ownerless(db: Database, uuid: str) -> None:
    """An instance is on one node: what another node has of it is left over."""
    elsewhere = FoundDomain(uuid=uuid, node="host2", power_state=1)
    findings = leftovers.compare_host(
        db, host="host2", domains=[elsewhere], seen_at=utcnow() + LATER
    )
    assert findings.ownerless == (elsewhere,)


def test_an_instance_without_its_domain_is_missing(db: Database, uuid: str) -> None:
    assert compare(db).missing == (uuid,)


def test_a_stopped_instance_that_runs_should_be_off(db: Database, uuid: str) -> None:
    compare(db, domain_of(uuid, PowerState.SHUTDOWN))
    running = domain_of(uuid)
    assert compare(db, running, seen_at=utcnow() + 2 * LATER).should_be_off == (running,)
