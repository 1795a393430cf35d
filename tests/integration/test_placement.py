"""Where servers go when somebody has a say in it: groups, zones, disabled and forced hosts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.whole_cloud import WholeCloud, bring_up

pytestmark = pytest.mark.cloud

HOSTS = 10


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    """Bring up ten hosts and eight scheduler workers."""
    home = tmp_path_factory.mktemp("placement")
    with bring_up(home, "placement", "--hosts", str(HOSTS), "--workers", "scheduler=8") as found:
        yield found


def ask(cloud: WholeCloud, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    answer = cloud.compute(method, path, body)
    assert answer.status == status, answer.data
    return answer.json() if answer.data else None


def boot_with(cloud: WholeCloud, name: str, hints: Any = None, **more: Any) -> str:
    body = cloud.body(name)
    body["server"].update(more)
    if hints:
        body["os:scheduler_hints"] = hints
    return str(ask(cloud, "POST", "/servers", body, status=202)["server"]["id"])


@pytest.mark.parametrize("policy", ["anti-affinity", "affinity"])
def test_a_policy_holds_when_fifty_boots_race(cloud: WholeCloud, policy: str) -> None:
    """Fifty requests at once: one server per host and the rest in ERROR, or all on one host."""
    wanted = {"server_group": {"name": policy, "policies": [policy]}}
    group = ask(cloud, "POST", "/os-server-groups", wanted)["server_group"]["id"]
    with ThreadPoolExecutor(10) as pool:
        uuids = list(
            pool.map(lambda n: boot_with(cloud, f"{policy}-{n}", {"group": group}), range(50))
        )
    found = cloud.wait_for_all(policy, 50)
    by_status = Counter(one["status"] for one in found)
    hosts = [one["OS-EXT-SRV-ATTR:host"] for one in found if one["status"] == "ACTIVE"]
    if policy == "anti-affinity":
        assert by_status == {"ACTIVE": HOSTS, "ERROR": 50 - HOSTS}
        assert len(set(hosts)) == HOSTS
        fault = next(one["fault"]["message"] for one in found if one["status"] == "ERROR")
        assert "ServerGroupAntiAffinityFilter" in fault
    else:
        assert by_status == {"ACTIVE": 50}
        assert len(set(hosts)) == 1
    members = ask(cloud, "GET", f"/os-server-groups/{group}")["server_group"]["members"]
    assert set(members) == set(uuids)
    cloud.delete_all(policy)
    ask(cloud, "DELETE", f"/os-server-groups/{group}", status=204)


def test_the_last_free_slots_are_given_away_once_each(cloud: WholeCloud) -> None:
    """Eight scheduler workers race: as many are ACTIVE as fit, not one more and not one less."""
    (memory_mb, reserved_mb) = cloud.rows(
        "SELECT memory_mb, reserved_memory_mb FROM compute_nodes LIMIT 1"
    )[0]
    per_host, more = 3, 15
    flavor = {"name": "third", "ram": (memory_mb - reserved_mb) // per_host, "vcpus": 1, "disk": 1}
    flavor_id = ask(cloud, "POST", "/flavors", {"flavor": flavor})["flavor"]["id"]
    with ThreadPoolExecutor(15) as pool:
        list(
            pool.map(
                lambda n: boot_with(cloud, f"slot-{n}", flavorRef=flavor_id),
                range(per_host * HOSTS + more),
            )
        )
    found = cloud.wait_for_all("slot", per_host * HOSTS + more)
    by_status = Counter(one["status"] for one in found)
    assert by_status == {"ACTIVE": per_host * HOSTS, "ERROR": more}
    on = Counter(one["OS-EXT-SRV-ATTR:host"] for one in found if one["status"] == "ACTIVE")
    assert set(on.values()) == {per_host}
    cloud.command("check")
    cloud.delete_all("slot")


def test_hints_name_servers_to_be_with_or_away_from(cloud: WholeCloud) -> None:
    """Without any configuration: all of eight are on the first one's host, and eight elsewhere."""
    first = cloud.wait_for(boot_with(cloud, "hint-first"), "ACTIVE")
    for number in range(8):
        boot_with(cloud, f"hint-with-{number}", {"same_host": first["id"]})
        boot_with(cloud, f"hint-away-{number}", {"different_host": [first["id"]]})
    key = "OS-EXT-SRV-ATTR:host"
    assert {one[key] for one in cloud.wait_for_all("hint-with", 8)} == {first[key]}
    away = [one[key] for one in cloud.wait_for_all("hint-away", 8)]
    assert None not in away
    assert first[key] not in away
    cloud.delete_all("hint")


def test_a_zone_is_an_aggregate_of_hosts(cloud: WholeCloud) -> None:
    """Who asks for the zone gets its host; an unknown zone is refused."""
    wanted = {"aggregate": {"name": "east", "availability_zone": "east"}}
    aggregate = ask(cloud, "POST", "/os-aggregates", wanted)["aggregate"]["id"]
    path = f"/os-aggregates/{aggregate}/action"
    ask(cloud, "POST", path, {"add_host": {"host": "host3"}})
    server = cloud.wait_for(boot_with(cloud, "east", availability_zone="east"), "ACTIVE")
    assert server["OS-EXT-SRV-ATTR:host"] == "host3"
    assert server["OS-EXT-AZ:availability_zone"] == "east"
    body = {"server": {**cloud.body("x")["server"], "availability_zone": "west"}}
    ask(cloud, "POST", "/servers", body, status=400)
    ask(cloud, "POST", path, {"remove_host": {"host": "host3"}}, status=409)
    cloud.delete_all("east")
    ask(cloud, "POST", path, {"remove_host": {"host": "host3"}})
    ask(cloud, "DELETE", f"/os-aggregates/{aggregate}")


def test_a_disabled_host_takes_nothing_but_what_is_forced_on_it(cloud: WholeCloud) -> None:
    """Disabled but for one, all boots go there; an administrator may force another."""
    for number in range(2, HOSTS + 1):
        body = {"host": f"host{number}", "binary": "nova-compute", "disabled_reason": "test"}
        ask(cloud, "PUT", "/os-services/disable-log-reason", body)
    cloud.boot("only", min_count=5)
    found = cloud.wait_for_all("only", 5)
    assert {one["OS-EXT-SRV-ATTR:host"] for one in found} == {"host1"}
    forced = cloud.wait_for(boot_with(cloud, "forced", availability_zone="nova:host2"), "ACTIVE")
    assert forced["OS-EXT-SRV-ATTR:host"] == "host2"
    body = {"server": {**cloud.body("x")["server"], "availability_zone": "nova:nobody"}}
    ask(cloud, "POST", "/servers", body, status=400)
    services = ask(cloud, "GET", "/os-services?host=host2")["services"]
    assert (services[0]["status"], services[0]["disabled_reason"]) == ("disabled", "test")
    for number in range(2, HOSTS + 1):
        ask(cloud, "PUT", "/os-services/enable",
            {"host": f"host{number}", "binary": "nova-compute"})  # fmt: skip
    cloud.delete_all("only")
    cloud.delete_all("forced")


def test_explain_says_why(cloud: WholeCloud) -> None:
    """Which filter refused how many and why, how the best were weighed, what the claim answered."""
    cloud.boot("why", min_count=2)
    cloud.wait_for_all("why", 2)
    (decision,) = json.loads(cloud.command("explain", "why-1", "--json"))
    assert [one["end"] for one in decision["filters"]] == [HOSTS] * len(decision["filters"])
    assert [one["answer"] for one in decision["selections"]] == ["claimed", "claimed"]
    assert {"CPUWeigher", "RAMWeigher", "DiskWeigher"} <= set(decision["best"][0]["scores"])
    assert json.loads(cloud.command("explain", decision["request_id"], "--json")) == [decision]
    cloud.delete_all("why")


def test_explain_says_why_not(cloud: WholeCloud) -> None:
    """The fault has it in a sentence, explain in a table; what-if says so before anybody boots."""
    flavor = {"name": "huge", "ram": 80_000_000, "vcpus": 1, "disk": 1}
    flavor_id = ask(cloud, "POST", "/flavors", {"flavor": flavor})["flavor"]["id"]
    uuid = boot_with(cloud, "huge", flavorRef=flavor_id)
    fault = cloud.wait_for(uuid, "ERROR")["fault"]["message"]
    assert "RamFilter refused the last 10 of 10 nodes: wants 80000000 MiB of memory" in fault
    text = cloud.command("explain", "huge")
    assert "no host" in text
    assert "RamFilter refused the last 10 of 10 nodes" in text
    before = cloud.scalar("SELECT count(*) FROM decisions")
    (decision,) = json.loads(cloud.command("explain", "--what-if", "--flavor", "huge", "--json"))
    assert decision["selections"] == []
    assert "wants 80000000 MiB of memory; they have" in decision["reason"]
    fits = json.loads(cloud.command("explain", "--what-if", "--count", "3", "--json"))[0]
    assert len(fits["selections"]) == 3
    assert cloud.scalar("SELECT count(*) FROM decisions") == before
    assert cloud.scalar("SELECT sum(instances) FROM compute_nodes") == 0
    cloud.delete_all("huge")
