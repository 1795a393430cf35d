"""What each microversion adds, takes away or refuses, on a server list without a host behind it."""

from __future__ import annotations

from typing import Any

import pytest

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import builds, hosts, images
from devstack_lite.db.quotas import Limits
from devstack_lite.db.schema import migrations
from devstack_lite.objects.image import Image
from tests.api.asker import make_server
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Api, Cloud
from tests.api.every_route import KEY
from tests.unit.conftest import make_boot, make_node

LATEST = "2.104"
NOBODY = "99999999-8888-4777-8666-555555555555"


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    return cloud.api("osapi_compute")


@pytest.fixture(scope="module")
def uuid(cloud: Cloud) -> str:
    """Give a server of the demo project that still waits for a host."""
    context = RequestContext(user_id="demo", project_id=DEMO_PROJECT, roles=["member"])
    boot = make_boot(description="said at its boot", tags=("blue", "green"))
    builds.create_instances(cloud.db, context, boot, Limits(instances=-1, cores=-1, ram=-1))
    return boot.instance_uuids[0]


class Versioned:
    """Asks in one microversion."""

    def __init__(self, api: Api, version: str) -> None:
        self._api = api
        self._version = version

    def __call__(self, method: str, path: str, body: Any = None, token: str = DEMO) -> Any:
        headers = {"OpenStack-API-Version": f"compute {self._version}"}
        return self._api(method, f"/v2.1{path}", body, token=token, headers=headers)


def in_version(api: Api, version: str) -> Versioned:
    return Versioned(api, version)


def test_the_range_is_said_and_kept_to(api: Api) -> None:
    shown = api("GET", "/v2.1/").json["version"]
    assert (shown["min_version"], shown["version"]) == ("2.1", LATEST)
    assert in_version(api, LATEST)("GET", "/flavors").status == 200
    assert in_version(api, "2.105")("GET", "/flavors").status == 406


@pytest.mark.parametrize(
    ("version", "key", "token"),
    [
        ("2.3", "OS-EXT-SRV-ATTR:reservation_id", ADMIN),
        ("2.9", "locked", DEMO),
        ("2.16", "host_status", ADMIN),
        ("2.19", "description", DEMO),
        ("2.26", "tags", DEMO),
        ("2.63", "trusted_image_certificates", DEMO),
        ("2.71", "server_groups", DEMO),
        ("2.73", "locked_reason", DEMO),
        ("2.90", "OS-EXT-SRV-ATTR:hostname", DEMO),
        ("2.96", "pinned_availability_zone", DEMO),
        ("2.100", "scheduler_hints", DEMO),
    ],
)
def test_a_server_shows_what_its_version_added(
    api: Api, uuid: str, version: str, key: str, token: str
) -> None:
    """And not one version before."""
    before = f"2.{int(version.partition('.')[2]) - 1}"
    assert key in in_version(api, version)("GET", f"/servers/{uuid}", token=token).json["server"]
    assert key not in in_version(api, before)("GET", f"/servers/{uuid}", token=token).json["server"]


def test_a_flavor_is_embedded_from_2_47_on(api: Api, uuid: str) -> None:
    old = in_version(api, "2.46")("GET", f"/servers/{uuid}").json["server"]["flavor"]
    new = in_version(api, "2.47")("GET", f"/servers/{uuid}").json["server"]["flavor"]
    assert set(old) == {"id", "links"}
    assert set(new) == {
        "vcpus", "ram", "disk", "ephemeral", "swap", "original_name", "extra_specs",
    }  # fmt: skip


def test_tags_live_from_2_26_on(api: Api, uuid: str) -> None:
    """Listed, added, replaced, removed; a stranger sees none, the first version knows none."""
    now = in_version(api, LATEST)
    tags = f"/servers/{uuid}/tags"
    assert now("GET", tags).json == {"tags": ["blue", "green"]}
    assert [now("PUT", f"{tags}/red").status for _ in range(2)] == [201, 204]
    assert now("GET", f"{tags}/red").status == 204
    assert now("DELETE", f"{tags}/red").status == 204
    assert now("GET", f"{tags}/red").status == 404
    assert now("PUT", tags, {"tags": ["one", "two"]}).json == {"tags": ["one", "two"]}
    assert now("PUT", tags, {"tags": ["a,b"]}).status == 400
    assert now("PUT", tags, {"tags": [f"t{number}" for number in range(51)]}).status == 400
    assert now("GET", "/servers?tags=one,two").json["servers"][0]["id"] == uuid
    assert now("GET", "/servers?not-tags-any=one").json["servers"] == []
    assert now("GET", tags, token=OTHER).status == 404
    assert in_version(api, "2.25")("GET", tags).status == 404
    assert now("DELETE", tags).status == 204
    assert now("GET", tags).json == {"tags": []}


def test_a_lock_has_a_reason_from_2_73_on(api: Api, uuid: str) -> None:
    """Whoever unlocks it forgets the reason."""
    now = in_version(api, LATEST)
    action = f"/servers/{uuid}/action"
    assert in_version(api, "2.72")("POST", action, {"lock": {"locked_reason": "x"}}).status == 202
    assert now("GET", f"/servers/{uuid}").json["server"]["locked_reason"] is None
    assert now("POST", action, {"unlock": None}).status == 202
    assert now("POST", action, {"lock": {"locked_reason": "an audit"}}).status == 202
    assert now("GET", "/servers/detail?locked=true").json["servers"][0]["locked_reason"] == (
        "an audit"
    )
    assert now("POST", action, {"unlock": None}).status == 202
    assert now("GET", f"/servers/{uuid}").json["server"]["locked_reason"] is None


def test_a_server_is_described_and_named_anew(api: Api, uuid: str) -> None:
    now = in_version(api, LATEST)
    body = {"server": {"description": None, "hostname": "new-name", "name": "vm"}}
    shown = now("PUT", f"/servers/{uuid}", body).json["server"]
    assert (shown["description"], shown["OS-EXT-SRV-ATTR:hostname"]) == (None, "new-name")
    too_early = {"server": {"description": "x"}}
    assert in_version(api, "2.18")("PUT", f"/servers/{uuid}", too_early).status == 400


def test_an_unknown_status_is_refused_from_2_38_on(api: Api, uuid: str) -> None:
    assert in_version(api, "2.37")("GET", "/servers?status=NEVERHEARD").status == 200
    assert in_version(api, "2.38")("GET", "/servers?status=NEVERHEARD").status == 400


def test_flavors_have_descriptions_specs_and_access(api: Api) -> None:
    """2.55, 2.61, and what was there from the start: extra specs and projects that may use one."""
    now = in_version(api, LATEST)
    size = {"name": "private", "ram": 64, "vcpus": 1, "disk": 1, "id": "p1",
            "os-flavor-access:is_public": False, "description": "ours"}  # fmt: skip
    made = now("POST", "/flavors", {"flavor": size}, ADMIN).json["flavor"]
    assert (made["description"], made["extra_specs"], made["swap"]) == ("ours", {}, 0)
    assert now("GET", "/flavors/p1").status == 404
    wanted = {"addTenantAccess": {"tenant": DEMO_PROJECT}}
    assert now("POST", "/flavors/p1/action", wanted, ADMIN).status == 200
    assert now("POST", "/flavors/p1/action", wanted, ADMIN).status == 409
    assert now("POST", "/flavors/p1/action", wanted).status == 403
    assert now("GET", "/flavors/p1").status == 200
    assert "p1" in [one["id"] for one in now("GET", "/flavors").json["flavors"]]
    assert "p1" not in [one["id"] for one in now("GET", "/flavors", token=OTHER).json["flavors"]]
    specs = {"extra_specs": {"hw:cpu_policy": "shared", "a": "1"}}
    assert now("POST", "/flavors/p1/os-extra_specs", specs, ADMIN).json == specs
    assert now("PUT", "/flavors/p1/os-extra_specs/a", {"a": "2"}, ADMIN).json == {"a": "2"}
    assert now("DELETE", "/flavors/p1/os-extra_specs/hw:cpu_policy", token=ADMIN).status == 200
    assert now("GET", "/flavors/p1/os-extra_specs").json == {"extra_specs": {"a": "2"}}
    assert now("GET", "/flavors/p1/os-extra_specs/b").status == 404
    refused = now("PUT", "/flavors/p1/os-extra_specs/resources:CUSTOM_A",
                  {"resources:CUSTOM_A": "x"}, ADMIN)  # fmt: skip
    assert refused.status == 400
    assert refused.json["badRequest"]["message"] == (
        "Validation failed; 'x' is not a valid integer value."
    )
    assert now("PUT", "/flavors/p1", {"flavor": {"description": None}}, ADMIN).status == 200
    removed = {"removeTenantAccess": {"tenant": DEMO_PROJECT}}
    assert now("POST", "/flavors/p1/action", removed, ADMIN).json == {"flavor_access": []}
    assert now("POST", "/flavors/p1/action", removed, ADMIN).status == 404


def test_services_go_by_uuid_from_2_53_on(api: Api, cloud: Cloud) -> None:
    """Disabled, forced down and, when it is down and has nothing, removed with its nodes."""
    hosts.report_nodes(cloud.db, [make_node("hostx")])
    hosts.report_service(
        cloud.db, binary="nova-compute", host="hostx", topic="compute", availability_zone="nova"
    )
    now = in_version(api, LATEST)
    (service,) = now("GET", "/os-services?host=hostx", token=ADMIN).json["services"]
    path = f"/os-services/{service['id']}"
    assert now("PUT", path, {}, ADMIN).status == 400
    body = {"status": "disabled", "disabled_reason": "a disk"}
    shown = now("PUT", path, body, ADMIN).json["service"]
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "a disk")
    assert now("DELETE", path, token=ADMIN).status == 409
    assert now("PUT", path, {"forced_down": True}, ADMIN).json["service"]["state"] == "down"
    assert now("DELETE", path).status == 403
    assert now("DELETE", path, token=ADMIN).status == 204
    assert now("GET", "/os-hypervisors", token=ADMIN).json == {"hypervisors": []}


def test_hypervisors_by_version(api: Api, cloud: Cloud) -> None:
    """Numbers, then UUIDs with paging and servers, then without what placement has."""
    hosts.report_nodes(cloud.db, [make_node(f"node{number}") for number in range(3)])
    first = in_version(api, "2.1")("GET", "/os-hypervisors/detail", token=ADMIN).json["hypervisors"]
    assert isinstance(first[0]["id"], int)
    assert isinstance(first[0]["cpu_info"], str)
    middle = in_version(api, "2.53")
    page = middle("GET", "/os-hypervisors?limit=2", token=ADMIN).json
    assert len(page["hypervisors"]) == 2
    marker = page["hypervisors"][-1]["id"]
    rest = middle("GET", f"/os-hypervisors?limit=2&marker={marker}", token=ADMIN).json
    assert [one["hypervisor_hostname"] for one in rest["hypervisors"]] == ["node2"]
    found = middle("GET", "/os-hypervisors?hypervisor_hostname_pattern=node1", token=ADMIN).json
    assert len(found["hypervisors"]) == 1
    assert middle("GET", "/os-hypervisors/node1/search", token=ADMIN).status == 404
    last = in_version(api, "2.88")
    shown = last("GET", f"/os-hypervisors/{marker}", token=ADMIN).json["hypervisor"]
    assert "uptime" in shown
    assert "vcpus" not in shown
    assert last("GET", "/os-hypervisors/statistics", token=ADMIN).status == 404


def test_key_pairs_by_version(api: Api) -> None:
    """Types from 2.2, another user's from 2.10, pages from 2.35 on; no private keys from 2.92."""
    made = in_version(api, "2.2")("POST", "/os-keypairs", {"keypair": {"name": "a"}})
    assert (made.status, made.json["keypair"]["type"]) == (201, "ssh")
    x509 = {"keypair": {"name": "b", "type": "x509"}}
    shown = in_version(api, "2.2")("POST", "/os-keypairs", x509).json["keypair"]
    assert "BEGIN CERTIFICATE" in shown["public_key"]
    assert "PRIVATE KEY" in shown["private_key"]
    others = in_version(api, "2.10")("GET", "/os-keypairs?user_id=demo", token=ADMIN).json
    assert [one["keypair"]["name"] for one in others["keypairs"]] == ["a", "b"]
    assert in_version(api, "2.10")("GET", "/os-keypairs?user_id=admin").status == 403
    page = in_version(api, "2.35")("GET", "/os-keypairs?limit=1").json
    assert len(page["keypairs"]) == 1
    assert page["keypairs_links"][0]["rel"] == "next"
    assert in_version(api, "2.92")("POST", "/os-keypairs", {"keypair": {"name": "c"}}).status == 400
    assert in_version(api, "2.2")("DELETE", "/os-keypairs/a").status == 204
    assert in_version(api, "2.1")("DELETE", "/os-keypairs/b").status == 202


def test_server_groups_by_version(api: Api) -> None:
    """Soft policies from 2.15 on; one policy with rules from 2.64 on."""
    soft = {"server_group": {"name": "g", "policies": ["soft-affinity"]}}
    assert in_version(api, "2.14")("POST", "/os-server-groups", soft).status == 400
    made = in_version(api, "2.15")("POST", "/os-server-groups", soft).json["server_group"]
    assert made["project_id"] == DEMO_PROJECT
    now = in_version(api, "2.64")
    rules = {"max_server_per_host": "3"}
    apart = {"server_group": {"name": "g", "policy": "anti-affinity", "rules": rules}}
    shown = now("POST", "/os-server-groups", apart).json["server_group"]
    assert (shown["policy"], shown["rules"]) == ("anti-affinity", {"max_server_per_host": 3})
    together = {"server_group": {"name": "g", "policy": "affinity", "rules": rules}}
    assert now("POST", "/os-server-groups", together).status == 400


def test_hosts_end_with_2_43(api: Api, cloud: Cloud) -> None:
    hosts.report_service(
        cloud.db, binary="nova-compute", host="node0", topic="compute", availability_zone="nova"
    )
    listed = in_version(api, "2.42")("GET", "/os-hosts", token=ADMIN).json["hosts"]
    assert {"host_name": "node0", "service": "compute", "zone": "nova"} in listed
    shown = in_version(api, "2.42")("GET", "/os-hosts/node0", token=ADMIN).json["host"]
    assert shown[0]["resource"]["project"] == "(total)"
    assert in_version(api, "2.43")("GET", "/os-hosts", token=ADMIN).status == 404
    assert in_version(api, "2.42")("GET", "/os-hosts?zone=", token=ADMIN).json["hosts"] == listed
    assert in_version(api, "2.42")("GET", "/os-hosts?zone=x", token=ADMIN).json == {"hosts": []}


def test_what_libvirt_cannot_do_to_a_host(api: Api, cloud: Cloud) -> None:
    """501 if it is up, 404 if there is none, 403 for members; 400 for another status."""
    hosts.report_service(
        cloud.db, binary="nova-compute", host="node1", topic="compute", availability_zone="nova"
    )
    old = in_version(api, "2.42")
    for method, end, body in (
        ("PUT", "", {"status": "enable", "maintenance_mode": "Disable"}),
        ("GET", "/startup", None), ("GET", "/shutdown", None), ("GET", "/reboot", None),
    ):  # fmt: skip
        refused = old(method, f"/os-hosts/node1{end}", body, token=ADMIN)
        text = "The requested functionality is not supported."
        assert (refused.status, refused.json["notImplemented"]["message"]) == (501, text)
        assert old(method, f"/os-hosts/nowhere{end}", body, token=ADMIN).status == 404
        assert old(method, f"/os-hosts/node1{end}", body).status == 403
    for body in ({}, {"status": "on"}, {"maintenance_mode": "x"}):
        assert old("PUT", "/os-hosts/node1", body, token=ADMIN).status == 400


def test_classes_show_server_groups_and_take_no_networks_from_2_50_on(api: Api) -> None:
    path = "/os-quota-class-sets/default"
    shown = in_version(api, LATEST)("GET", path, token=ADMIN).json["quota_class_set"]
    del shown["id"]
    body = {"quota_class_set": shown}
    assert in_version(api, LATEST)("PUT", path, body, token=ADMIN).json == body
    old = {"quota_class_set": {"floating_ips": -1}}
    assert in_version(api, "2.49")("PUT", path, old, token=ADMIN).status == 200
    assert in_version(api, "2.50")("PUT", path, old, token=ADMIN).status == 400


def test_quotas_by_version(api: Api) -> None:
    """Networks' went with 2.36, injected files with 2.57; classes got server groups with 2.50."""
    path = f"/os-quota-sets/{DEMO_PROJECT}"
    first = in_version(api, "2.1")("GET", path).json["quota_set"]
    assert {"floating_ips", "injected_files"} <= set(first)
    middle = in_version(api, "2.36")("GET", path).json["quota_set"]
    assert "floating_ips" not in middle
    assert "injected_files" in middle
    assert set(in_version(api, LATEST)("GET", path).json["quota_set"]) == {
        "id", "instances", "cores", "ram", "key_pairs", "metadata_items", "server_groups",
        "server_group_members",
    }  # fmt: skip
    of_class = "/os-quota-class-sets/default"
    old = in_version(api, "2.49")("GET", of_class, token=ADMIN).json["quota_class_set"]
    new = in_version(api, "2.50")("GET", of_class, token=ADMIN).json["quota_class_set"]
    assert ("server_groups" in old, "server_groups" in new) == (False, True)
    assert ("floating_ips" in old, "floating_ips" in new) == (True, False)


def test_events_from_outside_have_a_code_each(api: Api, cloud: Cloud, uuid: str) -> None:
    """Some without a server: 207; all: 404; a server without a host cannot be told."""
    now = in_version(api, LATEST)
    there = {"name": "network-changed", "server_uuid": uuid}
    gone = {**there, "server_uuid": "00000000-0000-4000-8000-00000000dead"}
    answer = now("POST", "/os-server-external-events", {"events": [there, gone]}, ADMIN)
    assert answer.status == 207
    assert [one["code"] for one in answer.json["events"]] == [422, 404]
    assert now("POST", "/os-server-external-events", {"events": [gone]}, ADMIN).status == 404
    assert now("POST", "/os-server-external-events", {"events": [there]}).status == 403
    assert now("POST", "/os-server-external-events", {"events": []}, ADMIN).status == 400


def test_consoles_have_a_resource_of_their_own_from_2_6_on(api: Api, uuid: str) -> None:
    """A server that does not run has none, by either way."""
    old = {"os-getVNCConsole": {"type": "novnc"}}
    assert in_version(api, "2.5")("POST", f"/servers/{uuid}/action", old).status == 409
    assert in_version(api, "2.6")("POST", f"/servers/{uuid}/action", old).status == 404
    new = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    assert in_version(api, "2.5")("POST", f"/servers/{uuid}/remote-consoles", new).status == 404
    assert in_version(api, "2.6")("POST", f"/servers/{uuid}/remote-consoles", new).status == 409


def test_topology_from_2_78_on(api: Api, uuid: str) -> None:
    shown = in_version(api, "2.78")("GET", f"/servers/{uuid}/topology").json
    assert shown == {"nodes": [], "pagesize_kb": None}
    assert in_version(api, "2.77")("GET", f"/servers/{uuid}/topology").status == 404


def test_migrations_by_version(api: Api, cloud: Cloud, uuid: str) -> None:
    """Their kind from 2.23 on, their ids from 2.59 on, who asked from 2.80 on."""
    with cloud.db.write() as connection:
        connection.execute(
            migrations.insert().values(
                uuid="11111111-2222-4333-8444-555555555555", instance_uuid=uuid,
                migration_type="migration", status="finished", source_compute="a",
                source_node="a", dest_compute="b", dest_node="b", old_flavor={"id": "1"},
                new_flavor={"id": "1"}, old_vm_state="active", user_id="demo",
                project_id=DEMO_PROJECT, created_at=utcnow(),
            )
        )  # fmt: skip

    def shown(version: str) -> set[str]:
        (one,) = in_version(api, version)("GET", "/os-migrations", token=ADMIN).json["migrations"]
        return set(one)

    first = shown("2.1")
    assert shown("2.23") - first == {"migration_type"}
    assert shown("2.59") - first == {"migration_type", "uuid"}
    assert shown("2.80") - first == {"migration_type", "uuid", "user_id", "project_id"}
    assert in_version(api, LATEST)("GET", "/os-migrations").status == 403

    manager = f"boss:{DEMO_PROJECT}:manager,member,reader"
    assert in_version(api, LATEST)("GET", "/os-migrations", token=manager).status == 403
    path = f"/os-migrations?project_id={DEMO_PROJECT}"
    (own,) = in_version(api, LATEST)("GET", path, token=manager).json["migrations"]
    hosts = {own[name] for name in own if name.startswith(("source_", "dest_"))}
    assert (own["status"], hosts) == ("finished", {None})


@pytest.mark.parametrize("version", ["2.1", "2.58", "2.80", LATEST])
def test_a_manager_sees_no_migration_of_another_project(
    api: Api, cloud: Cloud, version: str
) -> None:
    """In any version: what the policy was asked about is what is listed."""
    another = f"22222222-2222-4333-8444-{version.replace('.', ''):0>12}"
    with cloud.db.write() as connection:
        connection.execute(
            migrations.insert().values(
                uuid=another, instance_uuid=another, migration_type="migration", status="error",
                source_compute="a", source_node="a", old_flavor={"id": "1"},
                new_flavor={"id": "1"}, old_vm_state="active", user_id="other",
                project_id=OTHER_PROJECT, created_at=utcnow(),
            )
        )  # fmt: skip

    def seen(project_id: str) -> set[str]:
        manager = f"boss:{project_id}:manager,member,reader"
        path = f"/os-migrations?project_id={project_id}"
        found = in_version(api, version)("GET", path, token=manager).json["migrations"]
        return {one["instance_uuid"] for one in found}

    assert another in seen(OTHER_PROJECT)
    assert another not in seen(DEMO_PROJECT)


def test_a_manager_moves_servers_but_not_to_a_host(api: Api, uuid: str) -> None:
    """Where they go is the scheduler's to say; a host is an administrator's to name."""
    now = in_version(api, LATEST)
    manager = f"boss:{DEMO_PROJECT}:manager,member,reader"
    live = {"os-migrateLive": {"host": "else", "block_migration": "auto"}}
    path = f"/servers/{uuid}/action"
    for body, rule in (
        (live, "migrate_live:host"),
        ({"migrate": {"host": "else"}}, "migrate:host"),
    ):
        answer = now("POST", path, body, token=manager)
        text = f"Policy doesn't allow os_compute_api:os-migrate-server:{rule} to be performed."
        assert (answer.status, answer.json["forbidden"]["message"]) == (403, text)
    live["os-migrateLive"]["host"] = None
    for body in (live, {"migrate": None}):
        assert now("POST", path, body, token=DEMO).status == 403
        assert now("POST", path, body, token=manager).status not in {403, 404}


def test_a_locked_server_is_left_alone_by_its_members(api: Api, uuid: str) -> None:
    """Metadata, volumes and ports stay as they are until it is unlocked; an administrator may."""
    now = in_version(api, LATEST)
    assert now("POST", f"/servers/{uuid}/action", {"lock": None}).status == 202
    metadata = {"metadata": {"a": "b"}}
    answer = now("POST", f"/servers/{uuid}/metadata", metadata)
    assert (answer.status, "is locked" in answer.json["conflictingRequest"]["message"]) == (
        409, True,
    )  # fmt: skip
    assert now("POST", f"/servers/{uuid}/action", {"unlock": None}).status == 202


@pytest.mark.parametrize(
    ("version", "query", "is_ignored"),
    [
        ("2.4", "ip6=nothing", True), ("2.5", "ip6=nothing", False),
        ("2.25", "tags=nothing", True), ("2.26", "tags=nothing", False),
        ("2.82", "vm_state=nothing", True), ("2.83", "vm_state=nothing", False),
        ("2.82", "power_state=4", True), ("2.83", "power_state=4", False),
        ("2.65", "changes-before=2000-01-01", True), ("2.66", "changes-before=2000-01-01", False),
        ("2.72", "locked=true", True), ("2.73", "locked=true", False),
    ],
)  # fmt: skip
def test_a_filter_of_members_begins_with_its_version(
    api: Api, uuid: str, version: str, query: str, is_ignored: bool
) -> None:
    """Before, it is passed over."""
    answer = in_version(api, version)("GET", f"/servers?{query}")
    assert answer.status == 200
    assert (answer.json["servers"] != []) == is_ignored


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("2.66", "/servers?changes-since=2001-01-01&changes-before=2000-01-01"),
        ("2.73", "/servers?locked=maybe"),
        ("2.58", "/servers/{uuid}/os-instance-actions?colour=red"),
        ("2.59", "/os-migrations?colour=red"),
        ("2.59", "/os-migrations?marker=nothing"),
        ("2.75", "/servers?colour=red"),
        ("2.75", "/servers/detail?colour=red"),
        ("2.75", "/flavors?colour=red"),
        ("2.75", "/os-keypairs?colour=red"),
        ("2.53", "/os-hypervisors?colour=red"),
        ("2.75", "/os-services?colour=red"),
        ("2.75", "/os-server-groups?colour=red"),
        ("2.75", "/limits?colour=red"),
    ],
)  # fmt: skip
def test_a_query_is_refused_from_a_version_on(api: Api, uuid: str, version: str, path: str) -> None:
    before = f"2.{int(version.partition('.')[2]) - 1}"
    path = path.format(uuid=uuid)
    assert in_version(api, before)("GET", path, token=ADMIN).status == 200
    assert in_version(api, version)("GET", path, token=ADMIN).status == 400


@pytest.mark.parametrize(
    ("last", "action", "taken", "refused"),
    [
        ("2.24", "os-migrateLive", {"block_migration": True, "disk_over_commit": False},
         {"block_migration": "auto"}),
        ("2.29", "os-migrateLive", {"block_migration": "auto"},
         {"block_migration": "auto", "force": False}),
        ("2.67", "os-migrateLive", {"block_migration": "auto", "force": False}, None),
        ("2.13", "evacuate", {"onSharedStorage": False}, {}),
        ("2.67", "evacuate", {"force": False}, None),
    ],
)  # fmt: skip
def test_bodies_of_moves_by_version(
    api: Api, uuid: str, last: str, action: str, taken: Any, refused: Any
) -> None:
    """What the last version before a change takes, the next one does not, and the other way."""
    after = f"2.{int(last.partition('.')[2]) + 1}"
    more = {"host": None} if action == "os-migrateLive" else {}

    def is_refused(version: str, value: Any) -> bool:
        path = f"/servers/{uuid}/action"
        answer = in_version(api, version)("POST", path, {action: {**value, **more}}, ADMIN)
        said = answer.json if answer.status == 400 else {"badRequest": {"message": ""}}
        text = said["badRequest"]["message"]
        return "Additional prop" in text or "required prop" in text or "Invalid input" in text

    assert not is_refused(last, taken)
    if refused is None or action == "evacuate" or "disk_over_commit" in taken:
        assert is_refused(after, taken)
    if refused is not None:
        assert is_refused(last, refused)
        assert not is_refused(after, refused)


def test_more_bodies_by_version(api: Api, uuid: str) -> None:
    """mks from 2.8 on, names of key pairs from 2.92 on, events with theirs, volumes' ends 2.79."""
    mks = {"remote_console": {"protocol": "mks", "type": "webmks"}}
    consoles = f"/servers/{uuid}/remote-consoles"
    assert in_version(api, "2.7")("POST", consoles, mks).status == 400
    assert in_version(api, "2.8")("POST", consoles, mks).status == 409
    named = {"keypair": {"name": "me@home.org", "public_key": KEY}}
    assert in_version(api, "2.91")("POST", "/os-keypairs", named).status == 400
    assert in_version(api, "2.92")("POST", "/os-keypairs", named).status == 201
    for version, name in (
        ("2.51", "volume-extended"), ("2.76", "power-update"),
        ("2.82", "accelerator-request-bound"), ("2.93", "volume-reimaged"),
    ):  # fmt: skip
        events = {"events": [{"name": name, "server_uuid": uuid}]}
        before = f"2.{int(version.partition('.')[2]) - 1}"
        for each, status in ((before, 400), (version, 207)):
            path = "/os-server-external-events"
            assert in_version(api, each)("POST", path, events, ADMIN).status == status
    wanted = {"volumeAttachment": {"volumeId": NOBODY, "delete_on_termination": True}}
    attachments = f"/servers/{uuid}/os-volume_attachments"
    assert in_version(api, "2.78")("POST", attachments, wanted).status == 400
    assert in_version(api, "2.79")("POST", attachments, wanted).status == 404


def test_hypervisors_always_name_their_servers_from_2_75_on(api: Api, cloud: Cloud) -> None:
    hosts.report_nodes(cloud.db, [make_node("idle")])
    path = "/os-hypervisors?with_servers=true&hypervisor_hostname_pattern=idle"
    (old,) = in_version(api, "2.74")("GET", path, token=ADMIN).json["hypervisors"]
    (new,) = in_version(api, "2.75")("GET", path, token=ADMIN).json["hypervisors"]
    assert ("servers" in old, new["servers"]) == (False, [])


def test_migrations_have_pages_from_2_59_on(api: Api) -> None:
    """And their users' and projects' filters from 2.80 on."""
    now = in_version(api, LATEST)
    every = now("GET", "/os-migrations", token=ADMIN).json["migrations"]
    first = now("GET", "/os-migrations?limit=1", token=ADMIN).json
    assert first["migrations"] == every[:1]
    later = "/os-migrations?changes-since=2100-01-01T00:00:00Z"
    assert now("GET", later, token=ADMIN).json["migrations"] == []
    nobodys = "/os-migrations?user_id=nobody"
    assert now("GET", nobodys, token=ADMIN).json["migrations"] == []
    old = in_version(api, "2.58")("GET", nobodys, token=ADMIN).json["migrations"]
    assert len(old) == len(every)
    assert in_version(api, "2.79")("GET", nobodys, token=ADMIN).status == 400


def test_a_rebuild_needs_user_data_in_base_64(api: Api, cloud: Cloud) -> None:
    """As a boot does, and the server stays as it was."""
    server = make_server(cloud)
    for text in ("a", "é", "YQ"):
        body = {"rebuild": {"imageRef": NOBODY, "user_data": text}}
        answer = in_version(api, "2.57")("POST", f"/servers/{server}/action", body)
        assert answer.status == 400, answer.data
        assert answer.json["badRequest"]["message"].endswith(f"'{text}' is not a 'base64'")
    assert api("GET", f"/v2.1/servers/{server}").json["server"]["status"] == "ACTIVE"


def test_a_rebuild_says_once_what_a_server_boots_with(api: Api, cloud: Cloud) -> None:
    """From 2.57 on, under its own name; from 2.75 on beside all else, for administrators too."""
    server = make_server(cloud)
    image = Image(id="11111111-2222-4333-8444-999999999999", name="other", owner=DEMO_PROJECT,
                  visibility="public", status="active", size=1)  # fmt: skip
    images.create_image(cloud.db, image=image)
    body = {"rebuild": {"imageRef": image.id, "user_data": "aGVsbG8="}}
    answer = in_version(api, LATEST)("POST", f"/servers/{server}/action", body, token=ADMIN)
    assert answer.status == 202, answer.data
    shown = answer.json["server"]
    assert shown["user_data"] == "aGVsbG8="
    assert shown["OS-EXT-SRV-ATTR:host"] == "nowhere"
    assert "OS-EXT-SRV-ATTR:user_data" not in shown
