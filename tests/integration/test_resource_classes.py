"""What a server takes of a node besides its size, and without a root disk, on a whole cloud."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.conftest import wait_until_none
from tests.integration.test_lifecycle import act
from tests.integration.test_placement import ask, boot_with
from tests.integration.whole_cloud import WholeCloud, bring_up

pytestmark = pytest.mark.cloud

PROVIDERS = """
meta: {schema_version: '1.0'}
providers:
  - identification: {name: host1}
    inventories:
      additional:
        - CUSTOM_CARD: {total: 5, reserved: 1}
    traits:
      additional: [CUSTOM_WITH_CARDS]
  - identification: {name: host2}
    inventories:
      additional:
        - CUSTOM_CARD: {total: 2, allocation_ratio: 1.5}
"""
CARDS = {"host1": 4, "host2": 3}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    """Bring up three hosts, of which two have cards, and four scheduler workers."""
    home = tmp_path_factory.mktemp("classes")
    with bring_up(home, "classes", "--workers", "scheduler=4") as found:
        folder = found.record.provider_config_dir
        (folder / "provider.yaml").write_text(PROVIDERS)
        found.command("restart", "compute")
        query = "SELECT host FROM compute_nodes WHERE inventories LIKE '%CUSTOM_CARD%'"
        wait_until_none(lambda: set(CARDS) - {row.host for row in found.rows(query)}, "cards")
        yield found


@pytest.fixture(scope="module")
def flavor(cloud: WholeCloud) -> str:
    """Make a flavor with a card."""
    return make_flavor(cloud, "with-card", {"resources:CUSTOM_CARD": "1"})


def make_flavor(cloud: WholeCloud, name: str, specs: dict[str, str], disk: int = 1) -> str:
    flavor = {"name": name, "ram": 64, "vcpus": 1, "disk": disk, "OS-FLV-EXT-DATA:ephemeral": 2}
    made = str(ask(cloud, "POST", "/flavors", {"flavor": flavor})["flavor"]["id"])
    if specs:
        ask(cloud, "POST", f"/flavors/{made}/os-extra_specs", {"extra_specs": specs})
    return made


def cards_used(cloud: WholeCloud) -> dict[str, int]:
    """Return what placement says is used of the cards, by node."""
    placement = cloud.sdk().placement
    providers = placement.get("/resource_providers").json()["resource_providers"]
    usages = {
        one["name"]: placement.get(f"/resource_providers/{one['uuid']}/usages").json()["usages"]
        for one in providers
    }
    return {name: own["CUSTOM_CARD"] for name, own in usages.items() if "CUSTOM_CARD" in own}


def disks_of(cloud: WholeCloud, server_id: str) -> list[int]:
    query = "SELECT disk_gb FROM claims WHERE instance_uuid = :uuid"
    return [row.disk_gb for row in cloud.rows(query, uuid=server_id)]


def test_the_last_cards_are_given_away_once_each(cloud: WholeCloud, flavor: str) -> None:
    """Four scheduler workers race for seven cards: seven are ACTIVE, the rest know what lacked."""
    fits, more = sum(CARDS.values()), 8
    with ThreadPoolExecutor(fits + more) as pool:
        list(
            pool.map(lambda n: boot_with(cloud, f"card-{n}", flavorRef=flavor), range(fits + more))
        )
    found = cloud.wait_for_all("card", fits + more)
    assert Counter(one["status"] for one in found) == {"ACTIVE": fits, "ERROR": more}
    on = Counter(one["OS-EXT-SRV-ATTR:host"] for one in found if one["status"] == "ACTIVE")
    assert on == cards_used(cloud) == CARDS
    fault = next(one["fault"]["message"] for one in found if one["status"] == "ERROR")
    assert "ResourceClassFilter" in fault
    assert "wants 1 CUSTOM_CARD; 1 node has none, 2 nodes have 0 left" in fault
    what_if = ("explain", "--what-if", "--flavor", "with-card", "--json")
    (decision,) = json.loads(cloud.command(*what_if))
    assert "wants 1 CUSTOM_CARD" in decision["reason"]
    cloud.command("check")
    cloud.delete_all("card")
    assert cards_used(cloud) == dict.fromkeys(CARDS, 0)
    cloud.command("check")


def test_placement_shows_the_classes(cloud: WholeCloud, flavor: str) -> None:
    """An unmodified client sees the class, who could give it, and who has it."""
    placement = cloud.sdk().placement
    classes = placement.get("/resource_classes", microversion="1.2").json()["resource_classes"]
    assert "CUSTOM_CARD" in [one["name"] for one in classes]
    wanted = "/allocation_candidates?resources=VCPU:1,CUSTOM_CARD:3&required=CUSTOM_WITH_CARDS"
    found = placement.get(wanted, microversion="1.39").json()
    [(provider, summary)] = found["provider_summaries"].items()
    assert summary["resources"]["CUSTOM_CARD"] == {"capacity": 4, "used": 0}
    server_id = boot_with(cloud, "shown", flavorRef=flavor, availability_zone="nova:host1")
    cloud.wait_for(server_id, "ACTIVE")
    held = placement.get(f"/allocations/{server_id}").json()["allocations"]
    assert held[provider]["resources"] == {
        "VCPU": 1, "MEMORY_MB": 64, "DISK_GB": 3, "CUSTOM_CARD": 1,
    }  # fmt: skip
    cloud.delete_all("shown")


def test_a_resize_takes_a_card_and_a_revert_gives_it_back(cloud: WholeCloud, flavor: str) -> None:
    """Until then it is held; one that no host has room for changes nothing."""
    server_id = boot_with(cloud, "grown", availability_zone="nova:host3")
    cloud.wait_for(server_id, "ACTIVE")
    act(cloud, server_id, {"resize": {"flavorRef": flavor}})
    cloud.wait_for(server_id, "VERIFY_RESIZE")
    assert sum(cards_used(cloud).values()) == 1
    act(cloud, server_id, {"revertResize": None})
    cloud.wait_for(server_id, "ACTIVE")
    assert sum(cards_used(cloud).values()) == 0
    many = make_flavor(cloud, "with-many", {"resources:CUSTOM_CARD": "5"})
    act(cloud, server_id, {"resize": {"flavorRef": many}})
    cloud.wait_for(server_id, "ACTIVE")
    assert sum(cards_used(cloud).values()) == 0
    cloud.command("check", "--wait", "10")
    cloud.delete_all("grown")


def test_what_boots_from_a_volume_claims_no_root_disk(cloud: WholeCloud) -> None:
    """Nor when it is resized, nor where it is evacuated to; its ephemeral disk counts."""
    larger = make_flavor(cloud, "wide", {}, disk=40)
    root: dict[str, Any] = {
        "uuid": cloud.image_id, "source_type": "image", "destination_type": "volume",
        "boot_index": 0, "volume_size": 1, "delete_on_termination": True,
    }  # fmt: skip
    body = cloud.body("of-volume", imageRef=None, block_device_mapping_v2=[root])
    server_id = str(ask(cloud, "POST", "/servers", body, status=202)["server"]["id"])
    there = cloud.wait_for(server_id, "ACTIVE")
    assert disks_of(cloud, server_id) == [0]
    act(cloud, server_id, {"resize": {"flavorRef": larger}})
    cloud.wait_for(server_id, "VERIFY_RESIZE")
    assert sorted(disks_of(cloud, server_id)) == [0, 2]
    act(cloud, server_id, {"confirmResize": None}, 204)
    there = cloud.wait_for(server_id, "ACTIVE")
    assert disks_of(cloud, server_id) == [2]
    force_down(cloud, there["OS-EXT-SRV-ATTR:host"], is_down=True)
    act(cloud, server_id, {"evacuate": {"onSharedStorage": False}}, 200)
    over = cloud.wait_for(server_id, "ACTIVE")
    assert over["OS-EXT-SRV-ATTR:host"] != there["OS-EXT-SRV-ATTR:host"]
    assert disks_of(cloud, server_id) == [2]
    force_down(cloud, there["OS-EXT-SRV-ATTR:host"], is_down=False)
    # A host that starts looks at once for what was evacuated from it.
    cloud.command("restart", f"compute-{there['OS-EXT-SRV-ATTR:host']}")
    cloud.delete_all("of-volume")
    cloud.command("check", "--wait", "30")


def force_down(cloud: WholeCloud, host: str, *, is_down: bool) -> None:
    body = {"host": host, "binary": "nova-compute", "forced_down": is_down}
    headers = {"OpenStack-API-Version": "compute 2.11"}
    assert cloud.compute("PUT", "/os-services/force-down", body, headers=headers).status == 200


def test_resources_that_make_no_sense_are_refused(cloud: WholeCloud, flavor: str) -> None:
    """When they are set, since 2.86; of a flavor that has them, when a server shall have it."""
    latest = {"OpenStack-API-Version": "compute 2.104"}
    path, wrong = f"/flavors/{flavor}/os-extra_specs", {"extra_specs": {"resources:CARD": "1"}}
    answer = cloud.compute("POST", path, wrong, headers=latest)
    assert (answer.status, answer.json()["badRequest"]["message"]) == (
        400,
        "Validation failed; extra spec 'resources:CARD' does not appear to be a valid extra spec.",
    )
    older = make_flavor(cloud, "without-sense", {"resources:CUSTOM_CARD": "-1"})
    body = cloud.body("none", flavorRef=older)
    refused = ask(cloud, "POST", "/servers", body, status=400)["badRequest"]["message"]
    assert refused == "Resource amounts must be nonnegative integers. Received '-1'"
    assert cloud.servers("none") == []
