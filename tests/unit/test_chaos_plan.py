"""A plan is a function of its settings: same seed, same faults, same operations."""

from __future__ import annotations

import dataclasses

import pytest

from devstack_lite.chaos.plan import Action, FaultKind, Place, Plan, Settings, make_plan

PLACES = (
    Place(role="api", process="api", workers=2),
    Place(role="conductor", process="conductor", workers=2),
    Place(role="compute", process="compute-host1", workers=1),
    Place(role="compute", process="compute-host2", workers=1),
)


def settings(**more: object) -> Settings:
    usual = Settings(seed=5, duration_s=60.0, rate=1.0, load=5.0, servers=12, places=PLACES)
    return dataclasses.replace(usual, **more)  # type: ignore[arg-type]


@pytest.fixture
def plan() -> Plan:
    return make_plan(settings())


def test_the_same_settings_give_the_same_plan(plan: Plan) -> None:
    """Two plans of one seed are equal in everything, and so are their digests."""
    assert make_plan(settings()) == plan
    assert make_plan(settings()).digest == plan.digest


def test_this_seed_gives_these_faults() -> None:
    """The plan of a seed is the same in every version: saved seeds stay worth something."""
    first = make_plan(settings()).faults[:3]
    assert [(one.at_s, one.kind.value, one.process, one.worker) for one in first] == [
        (0.223, "pause", "compute-host2", 1),
        (2.265, "pause", "conductor", 1),
        (4.509, "kill-launcher", "conductor", None),
    ]


def test_another_seed_gives_another_plan(plan: Plan) -> None:
    """Seeds differ in faults and in operations."""
    other = make_plan(settings(seed=6))
    assert other.faults != plan.faults
    assert other.operations != plan.operations


def test_more_load_leaves_the_faults_alone(plan: Plan) -> None:
    """Faults and operations do not draw from each other's chance."""
    other = make_plan(settings(load=9.0))
    assert other.faults == plan.faults
    assert len(other.operations) > len(plan.operations)


def test_everything_is_within_the_duration_and_in_order(plan: Plan) -> None:
    """Times ascend from zero to the duration."""
    for items in (plan.faults, plan.operations):
        times = [one.at_s for one in items]
        assert times == sorted(times)
        assert 0.0 <= times[0]
        assert times[-1] < 60.0


def test_faults_name_workers_that_there_are(plan: Plan) -> None:
    """A killed or paused worker has a number of its process; a launcher has none."""
    known = {place.process: place.workers for place in PLACES}
    assert {one.process for one in plan.faults} == set(known)
    for one in plan.faults:
        if one.kind is FaultKind.KILL_LAUNCHER:
            assert one.worker is None
        else:
            assert one.worker is not None
            assert 1 <= one.worker <= known[one.process]
        assert (one.seconds is not None) == (one.kind is FaultKind.PAUSE)


def test_hosts_and_the_broker_are_struck_when_asked_for() -> None:
    """A host crash is of a compute host, a broker's restart of the broker."""
    kinds = (FaultKind.HOST_CRASH, FaultKind.BROKER_RESTART)
    found = make_plan(settings(kinds=kinds)).faults
    assert {(one.kind, one.process) for one in found} == {
        (FaultKind.HOST_CRASH, "compute-host1"),
        (FaultKind.HOST_CRASH, "compute-host2"),
        (FaultKind.BROKER_RESTART, "broker"),
    }


def test_operations_make_sense_when_all_goes_well(plan: Plan) -> None:
    """A server is booted first, stopped while it runs, started while not, deleted last."""
    states: dict[int, str] = {}
    for one in plan.operations:
        state = states.get(one.server)
        match one.action:
            case Action.BOOT:
                assert state is None
                states[one.server] = "runs"
            case Action.STOP:
                assert state == "runs"
                states[one.server] = "stopped"
            case Action.START:
                assert state == "stopped"
                states[one.server] = "runs"
            case Action.REBOOT:
                assert state == "runs"
            case Action.DELETE:
                assert state in {"runs", "stopped"}
                states[one.server] = "gone"
    assert {one.action for one in plan.operations} == set(Action)


def test_no_rate_means_no_faults() -> None:
    """A rate of zero is a run without faults."""
    assert make_plan(settings(rate=0.0)).faults == ()
