"""All that can be asked of a server, while every worker that has it in hand is killed.

One run of `devstack-lite chaos life` with the settings under which there are most actions; each
test looks at what became of one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import pytest

from devstack_lite.chaos.asked import ServerAction, Settings
from devstack_lite.chaos.points import Points
from devstack_lite.chaos.server_actions import table_of
from devstack_lite.failpoints import Action, Failpoint
from tests.integration.conftest import wait_until
from tests.integration.test_lifecycle import act
from tests.integration.test_resizes import HOST, migrations_of
from tests.integration.whole_cloud import WholeCloud, bring_up

pytestmark = pytest.mark.cloud

LONG_S = 3600
SETTINGS = Settings(reclaim_s=LONG_S, offload_s=LONG_S, is_instant=False)
ACTIONS = table_of(SETTINGS)
SLOW = """
description: The live migration of a server that is to travel slowly takes minutes.
stages:
  domain.migrate:
    - when: {metadata: {travels: slowly}}
      delay: 600
"""


@pytest.fixture(scope="module")
def life_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    """A cloud that keeps what is deleted or shelved, with threads for all actions at once."""
    folder = tmp_path_factory.mktemp("life")
    profile = folder / "slow.yaml"
    profile.write_text(SLOW)
    options = ("--profile", str(profile), "--nodes-per-host", "2")
    with bring_up(folder / "home", f"life-{os.getpid()}", *options) as found:
        many = {"threads": 2 * len(ACTIONS)}
        found.configure(
            "api", "conductor", *(f"compute-{host}" for host in found.record.hosts),
            DEFAULT={
                "reclaim_instance_interval": LONG_S, "shelved_offload_time": LONG_S,
            },
            rpc=many, api=many, compute={"build_threads": 2 * len(ACTIONS)},
        )  # fmt: skip
        yield found


@pytest.fixture(scope="module")
def report(life_cloud: WholeCloud) -> dict[str, Any]:
    """What `devstack-lite chaos life` says, whatever it found."""
    text = life_cloud.command(
        "chaos", "life", "--at-once", str(len(ACTIONS)), "--json", codes=(0, 1), timeout_s=400.0,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(text)
    return found


def test_nothing_is_lost_leaked_or_miscounted(report: dict[str, Any]) -> None:
    """The invariants hold, and every action of the table was asked for."""
    assert report["invariants"] == "valid", report["violations"]
    assert [one["action"] for one in report["actions"]] == list(ACTIONS)


@pytest.mark.parametrize(("name", "action"), ACTIONS.items(), ids=ACTIONS)
def test_it_ends_as_asked_though_its_workers_die(
    report: dict[str, Any], name: str, action: ServerAction
) -> None:
    """Its api worker was killed, and each daemon that does part of it; it is an action, once."""
    found = next(one for one in report["actions"] if one["action"] == name)
    assert found["is_good"], found
    assert found["state"] == action.vm_state
    killed = {death["role"] for death in found["deaths"]}
    assert killed >= {"api", *(role for role, _ in action.points)}, found
    if action.recorded:
        assert [action.event, action.result] in found["events"]


@contextmanager
def deadly(cloud: WholeCloud, places: Mapping[str, tuple[str, ...]]) -> Iterator[None]:
    """Have whoever comes to these points with a server, by its id, die there, once at each.

    Each is come to, but for one after something is done: another server's death may take the
    worker along between the two, and what is done is not done again.
    """
    wanted = [
        Failpoint(id="", point=point, action=Action.KILL, instance=uuid)
        for uuid, points in places.items()
        for point in points
    ]
    with closing(Points(cloud.record)) as points:
        armed, _late = points.arm_all(wanted)
        try:
            yield
            for one in armed:
                if one.point.endswith(".after"):
                    continue
                wait_until(lambda one=one: points.firings(one.id), f"{one.point} is come to", 30.0)
        finally:
            points.disarm()


def boot_each(cloud: WholeCloud, *names: str) -> list[dict[str, Any]]:
    uuids = [cloud.boot(name) for name in names]
    return [cloud.wait_for(uuid, "ACTIVE", 60.0) for uuid in uuids]


def test_what_ends_by_itself_outlives_its_workers(life_cloud: WholeCloud) -> None:
    """By the clock a resize is confirmed, a shelved server offloaded, a deleted one reclaimed."""
    cloud = life_cloud
    resized, shelved, deleted = (
        one["id"] for one in boot_each(cloud, "confirmed", "offloaded", "reclaimed")
    )
    act(cloud, resized, {"resize": {"flavorRef": "2"}})
    act(cloud, shelved, {"shelve": None})
    assert cloud.compute("DELETE", f"/servers/{deleted}").status == 204
    for uuid, status in (
        (resized, "VERIFY_RESIZE"), (shelved, "SHELVED"), (deleted, "SOFT_DELETED"),
    ):  # fmt: skip
        cloud.wait_for(uuid, status, 60.0)
    with deadly(cloud, {
        resized: ("op.confirmResize.before", "rpc.conductor.finish_action.before"),
        shelved: ("op.shelveOffload.before", "rpc.conductor.finish_action.after"),
        deleted: ("op.delete.before", "rpc.conductor.finish_delete.before"),
    }):  # fmt: skip
        cloud.configure("api", "conductor", DEFAULT={
            "resize_confirm_window": 1, "shelved_offload_time": 1, "reclaim_instance_interval": 1,
        })  # fmt: skip
        cloud.wait_for(resized, "ACTIVE", 60.0)
        cloud.wait_for(shelved, "SHELVED_OFFLOADED", 60.0)
        wait_until(
            lambda: cloud.compute("GET", f"/servers/{deleted}").status == 404, "it is gone", 60.0
        )
    assert migrations_of(cloud, resized)[0]["status"] == "confirmed"
    for uuid, action in ((resized, "confirmResize"), (shelved, "shelveOffload")):
        listed = cloud.compute("GET", f"/servers/{uuid}/os-instance-actions").json()
        assert listed["instanceActions"][0]["action"] == action
    cloud.command("check", "--wait", "60")
    for uuid in (resized, shelved):
        act(cloud, uuid, {"forceDelete": None})


def test_a_resize_on_its_own_host_outlives_its_workers(life_cloud: WholeCloud) -> None:
    """To the host's other node, when no other host takes it; and back."""
    cloud = life_cloud
    cloud.configure("api", "conductor", DEFAULT={
        "allow_resize_to_same_host": True, "resize_confirm_window": 0,
        "reclaim_instance_interval": 0,
    })  # fmt: skip
    (server,) = boot_each(cloud, "stays")
    uuid, host = server["id"], server[HOST]
    others = [one for one in cloud.record.hosts if one != host]
    for other in others:
        body = {"host": other, "binary": "nova-compute"}
        assert cloud.compute("PUT", "/os-services/disable", body).status == 200
    with deadly(cloud, {uuid: (
        "op.resize.after", "rpc.conductor.finish_builds.before", "op.revertResize.before",
        "rpc.conductor.finish_action.before",
    )}):  # fmt: skip
        act(cloud, uuid, {"resize": {"flavorRef": "2"}})
        there = cloud.wait_for(uuid, "VERIFY_RESIZE", 60.0)
        act(cloud, uuid, {"revertResize": None})
        back = cloud.wait_for(uuid, "ACTIVE", 60.0)
    node = "OS-EXT-SRV-ATTR:hypervisor_hostname"
    assert (there[HOST], back[HOST], back[node]) == (host, host, server[node])
    assert there[node] != server[node]
    for other in others:
        cloud.compute("PUT", "/os-services/enable", {"host": other, "binary": "nova-compute"})
    cloud.command("check", "--wait", "60")
