"""All that can be asked of a server, while every worker that has it in hand is killed.

One run of `devstack-lite chaos life` with the settings under which there are most actions; each
test looks at what became of one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from devstack_lite.chaos.server_actions import ServerAction, Settings, table_of
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
    with bring_up(folder / "home", f"life-{os.getpid()}", "--profile", str(profile)) as found:
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
    assert report["invariants"] == "valid"
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
    assert killed >= {"api", *(role for role, _ in action.points)}
    if action.recorded:
        assert [action.event, action.result] in found["events"]
