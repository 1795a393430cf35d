"""Placement through its real pipeline, over nodes that reported and instances that claimed."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from devstack_lite.clock import utcnow
from devstack_lite.db import aggregates, hosts, schema
from devstack_lite.objects.compute import Aggregate, ComputeNode
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER_PROJECT, Answer, Api, Cloud
from tests.unit.conftest import inventory

Json = dict[str, Any]

BIG, SMALL, FAST, ONE, TWO = (
    str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in ("big", "small", "fast", "one", "two")
)
"""Two nodes, an aggregate, two instances."""


def node(node_id: str, host: str, **more: Any) -> ComputeNode:
    return ComputeNode(
        id=node_id,
        host=host,
        hypervisor_hostname=host,
        disk_gb=100,
        reserved_memory_mb=512,
        reserved_disk_gb=10,
        **more,
    )


def claim(cloud: Cloud, consumer: str, host: str, project_id: str, **amounts: int) -> None:
    """Put an instance on a node, of 1 VCPU, 512 MiB, no disk, and amounts by class."""
    with cloud.db.write() as connection:
        connection.execute(
            schema.instances.insert().values(
                uuid=consumer, name="one", project_id=project_id, user_id="someone", flavor={},
                image_ref="", vm_state="active", power_state=1, attempt=1, hostname="one",
                launch_index=0, reservation_id="r", metadata={}, network_info=[], progress=0,
                boot_request={}, request_id="req", created_at=utcnow(),
            )
        )  # fmt: skip
        connection.execute(
            schema.claims.insert().values(
                instance_uuid=consumer, node=host, host=host, vcpus=1, memory_mb=512, disk_gb=0,
                resources=amounts, attempt=1,
            )
        )  # fmt: skip
        own = schema.compute_nodes
        connection.execute(
            own.update()
            .where(own.c.hypervisor_hostname == host)
            .values(
                vcpus_used=own.c.vcpus_used + 1,
                memory_mb_used=own.c.memory_mb_used + 512,
                resources_used=amounts,
            )
        )


@pytest.fixture(scope="module")
def placement(cloud: Cloud) -> Api:
    """Two nodes: big with 8 VCPU at a ratio of 2 and AVX, small with 2; an instance on each."""
    hosts.report_nodes(
        cloud.db,
        [
            node(BIG, "big", vcpus=8, memory_mb=8192, cpu_allocation_ratio=2.0,
                 traits=("HW_CPU_X86_AVX", "CUSTOM_FAST"),
                 inventories={"CUSTOM_CARD": inventory(total=4, step_size=2)}),
            node(SMALL, "small", vcpus=2, memory_mb=2048, traits=("COMPUTE_NODE",)),
        ],
    )  # fmt: skip
    hosts.report_service(
        cloud.db, binary="nova-compute", host="big", topic="compute", availability_zone="nova"
    )
    made = aggregates.create_aggregate(cloud.db, aggregate=Aggregate(uuid=FAST, name="fast"))
    aggregates.add_host(cloud.db, aggregate_id=made.id, host="big")
    claim(cloud, ONE, "big", DEMO_PROJECT, CUSTOM_CARD=2)
    claim(cloud, TWO, "small", OTHER_PROJECT)
    return cloud.api("placement")


def ask(placement: Api, path: str, version: str = "1.39", token: str = ADMIN) -> Answer:
    headers = {"OpenStack-API-Version": f"placement {version}"}
    return placement("GET", path, token=token, headers=headers)


def got(placement: Api, path: str, version: str = "1.39") -> Json:
    answer = ask(placement, path, version)
    assert answer.status == 200, answer.data
    found: Json = answer.json
    return found


def candidates(placement: Api, query: str, version: str = "1.39") -> list[str]:
    """Return the nodes that could take what is asked for."""
    found = got(placement, f"/allocation_candidates?{query}", version)
    requested = [uuid for one in found["allocation_requests"] for uuid in one["allocations"]]
    assert set(requested) == set(found["provider_summaries"])
    return requested


def test_versions(placement: Api) -> None:
    """The document needs no token; a version is said back, an unknown one is 406."""
    [version] = placement("GET", "/", token=None).json["versions"]
    assert (version["min_version"], version["max_version"]) == ("1.0", "1.39")
    answer = ask(placement, "/resource_providers", "1.15")
    assert answer.headers["OpenStack-API-Version"] == "placement 1.15"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Cache-Control" not in ask(placement, "/resource_providers", "1.14").headers
    assert ask(placement, "/resource_providers", "1.40").status == 406
    assert ask(placement, "/resource_providers", "latest").headers[
        "OpenStack-API-Version"
    ] == "placement 1.39"  # fmt: skip


def test_nodes_are_providers(placement: Api) -> None:
    """Each under its own id and name, a tree by itself; links grow with the version."""
    found = got(placement, "/resource_providers")["resource_providers"]
    assert [(one["uuid"], one["name"]) for one in found] == [(BIG, "big"), (SMALL, "small")]
    one = got(placement, f"/resource_providers/{BIG}")
    assert one == found[0]
    assert (one["root_provider_uuid"], one["parent_provider_uuid"]) == (BIG, None)
    assert [link["rel"] for link in one["links"]] == [
        "self", "inventories", "usages", "aggregates", "traits", "allocations",
    ]  # fmt: skip
    first = got(placement, f"/resource_providers/{BIG}", "1.0")
    assert [link["rel"] for link in first["links"]] == ["self", "inventories", "usages"]
    assert "root_provider_uuid" not in first


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=big", ["big"]),
        (f"uuid={SMALL}", ["small"]),
        (f"in_tree={SMALL}", ["small"]),
        ("required=CUSTOM_FAST", ["big"]),
        ("required=!CUSTOM_FAST", ["small"]),
        ("required=in:CUSTOM_FAST,COMPUTE_NODE", ["big", "small"]),
        (f"member_of={FAST}", ["big"]),
        (f"member_of=!{FAST}", ["small"]),
        ("resources=VCPU:2", ["big"]),
        ("resources=VCPU:1,MEMORY_MB:1024", ["big", "small"]),
        ("resources=PCPU:1", []),
        ("resources=CUSTOM_CARD:2", ["big"]),
        ("resources=CUSTOM_CARD:1", []),
    ],
)
def test_providers_are_filtered(placement: Api, query: str, names: list[str]) -> None:
    """By what they are, have, and have left."""
    found = got(placement, f"/resource_providers?{query}")["resource_providers"]
    assert [one["name"] for one in found] == names


def test_what_a_provider_has(placement: Api) -> None:
    """Inventories, usages, traits and aggregates are the node's own."""
    path = f"/resource_providers/{BIG}"
    shown = got(placement, f"{path}/inventories")
    assert shown["inventories"]["VCPU"] == {
        "total": 8, "reserved": 0, "min_unit": 1, "max_unit": 16, "step_size": 1,
        "allocation_ratio": 2.0,
    }  # fmt: skip
    assert shown["inventories"]["MEMORY_MB"]["reserved"] == 512
    one = got(placement, f"{path}/inventories/DISK_GB")
    assert (one["total"], one["reserved"], one["max_unit"]) == (100, 10, 90)
    card = got(placement, f"{path}/inventories/CUSTOM_CARD")
    assert (card["total"], card["step_size"], card["max_unit"]) == (4, 2, 2**31 - 1)
    assert one["resource_provider_generation"] == shown["resource_provider_generation"]
    assert got(placement, f"{path}/usages")["usages"] == {
        "VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 0, "CUSTOM_CARD": 2,
    }  # fmt: skip
    assert got(placement, f"{path}/traits")["traits"] == ["HW_CPU_X86_AVX", "CUSTOM_FAST"]
    assert got(placement, f"{path}/aggregates")["aggregates"] == [FAST]
    assert ask(placement, f"{path}/aggregates", "1.0").status == 404
    assert ask(placement, f"{path}/inventories/PCPU").status == 404


def test_claims_are_allocations(placement: Api) -> None:
    """Of an instance, of a node, of a project; without disk there is no word of disk."""
    resources = {"VCPU": 1, "MEMORY_MB": 512, "CUSTOM_CARD": 2}
    shown = got(placement, f"/allocations/{ONE}")
    assert shown["allocations"][BIG]["resources"] == resources
    assert (shown["project_id"], shown["user_id"]) == (DEMO_PROJECT, "someone")
    assert (shown["consumer_generation"], shown["consumer_type"]) == (1, "INSTANCE")
    assert set(got(placement, f"/allocations/{ONE}", "1.11")) == {"allocations"}
    assert got(placement, f"/allocations/{uuid.uuid4()}") == {"allocations": {}}
    held = got(placement, f"/resource_providers/{BIG}/allocations", "1.27")["allocations"]
    assert held == {ONE: {"resources": resources}}
    path = f"/usages?project_id={DEMO_PROJECT}"
    assert got(placement, path, "1.9") == {"usages": resources}
    assert got(placement, path) == {"usages": {"INSTANCE": {**resources, "consumer_count": 1}}}
    assert got(placement, f"{path}&consumer_type=all")["usages"]["all"]["VCPU"] == 1
    assert got(placement, f"{path}&user_id=nobody") == {"usages": {}}
    assert ask(placement, path, token=DEMO).status == 200
    assert ask(placement, f"/usages?project_id={OTHER_PROJECT}", token=DEMO).status == 403
    assert ask(placement, "/usages").status == 400


@pytest.mark.parametrize(
    ("query", "nodes"),
    [
        ("resources=VCPU:1,MEMORY_MB:512,DISK_GB:1", [BIG, SMALL]),
        ("resources=VCPU:2", [BIG]),
        ("resources=VCPU:15", [BIG]),
        ("resources=VCPU:16", []),
        ("resources=VCPU:1,CUSTOM_CARD:2", [BIG]),
        ("resources=VCPU:1,CUSTOM_CARD:4", []),
        ("resources=VCPU:1&resources1=CUSTOM_CARD:2", [BIG]),
        ("resources=VCPU:1&limit=1", [BIG]),
        ("resources=VCPU:1&required=HW_CPU_X86_AVX", [BIG]),
        ("resources=VCPU:1&required=!HW_CPU_X86_AVX", [SMALL]),
        ("resources=VCPU:1&required=HW_CPU_X86_AVX512F", []),
        ("resources=VCPU:1&root_required=COMPUTE_NODE", [SMALL]),
        (f"resources=VCPU:1&member_of={FAST}", [BIG]),
        (f"resources=VCPU:1&in_tree={SMALL}", [SMALL]),
        ("resources=VCPU:1&resources_DISK=DISK_GB:1&required_DISK=COMPUTE_NODE", [SMALL]),
        ("resources1=VCPU:1&resources2=VCPU:1&group_policy=none", [BIG]),
        ("resources1=VCPU:1&resources2=VCPU:1&group_policy=isolate", []),
    ],
)
def test_candidates(placement: Api, query: str, nodes: list[str]) -> None:
    """A node with room for all that is asked for together, and that fits every group."""
    assert candidates(placement, query) == nodes


def test_how_candidates_are_shown(placement: Api) -> None:
    """By the version: a list of providers, then by provider, then with mappings and summaries."""
    path = "/allocation_candidates?resources=VCPU:2&required=CUSTOM_FAST"
    shown = got(placement, path)
    assert shown["allocation_requests"] == [
        {"allocations": {BIG: {"resources": {"VCPU": 2}}}, "mappings": {"": [BIG]}}
    ]
    summary = shown["provider_summaries"][BIG]
    assert summary["resources"]["VCPU"] == {"capacity": 16, "used": 1}
    assert set(summary["resources"]) == {"VCPU", "MEMORY_MB", "DISK_GB", "CUSTOM_CARD"}
    assert (summary["root_provider_uuid"], "CUSTOM_FAST" in summary["traits"]) == (BIG, True)
    old = got(placement, "/allocation_candidates?resources=VCPU:2", "1.10")
    assert old["allocation_requests"] == [
        {"allocations": [{"resource_provider": {"uuid": BIG}, "resources": {"VCPU": 2}}]}
    ]
    assert old["provider_summaries"] == {BIG: {"resources": {"VCPU": {"capacity": 16, "used": 1}}}}


@pytest.mark.parametrize(
    ("query", "version"),
    [
        ("", "1.39"),
        ("limit=1", "1.39"),
        ("resources=VCPU", "1.39"),
        ("resources=VCPU:0", "1.39"),
        ("resources=CUSTOM_X:1", "1.39"),
        ("resources=VCPU:1&limit=0", "1.39"),
        ("resources=VCPU:1&limit=1", "1.15"),
        ("resources=VCPU:1&required=CUSTOM_NONE", "1.39"),
        ("resources=VCPU:1&required=!COMPUTE_NODE", "1.21"),
        ("resources=VCPU:1&required=COMPUTE_NODE,!COMPUTE_NODE", "1.39"),
        ("resources=VCPU:1&required=COMPUTE_NODE&required=CUSTOM_FAST", "1.38"),
        ("resources=VCPU:1&member_of=x", "1.39"),
        ("resources=VCPU:1&colour=red", "1.39"),
        ("resources1=VCPU:1", "1.24"),
        ("resources_A=VCPU:1", "1.32"),
        ("resources1=VCPU:1&resources2=VCPU:1", "1.39"),
        ("resources=VCPU:1&group_policy=x", "1.39"),
        (f"resources=VCPU:1&in_tree={SMALL}", "1.30"),
    ],
)
def test_candidates_refused(placement: Api, query: str, version: str) -> None:
    """What makes no sense, or not in this version, is 400 in placement's form."""
    answer = ask(placement, f"/allocation_candidates?{query}", version)
    assert answer.status == 400, answer.data
    [error] = answer.json["errors"]
    assert (error["status"], error["title"]) == (400, "Bad Request")
    assert error["request_id"] == answer.headers["x-openstack-request-id"]


def test_words(placement: Api) -> None:
    """Traits and resource classes are the standard ones, and what the nodes have besides."""
    traits = got(placement, "/traits")["traits"]
    assert {"HW_CPU_X86_AVX2", "CUSTOM_FAST"} <= set(traits)
    assert got(placement, "/traits?associated=true")["traits"] == [
        "COMPUTE_NODE", "CUSTOM_FAST", "HW_CPU_X86_AVX",
    ]  # fmt: skip
    assert got(placement, "/traits?name=startswith:CUSTOM_")["traits"] == ["CUSTOM_FAST"]
    assert got(placement, "/traits?name=in:COMPUTE_NODE,X")["traits"] == ["COMPUTE_NODE"]
    for path, status in (("CUSTOM_FAST", 204), ("CUSTOM_SLOW", 404)):
        assert ask(placement, f"/traits/{path}").status == status
    for query in ("name=x", "associated=perhaps"):
        assert ask(placement, f"/traits?{query}").status == 400
    classes = got(placement, "/resource_classes")["resource_classes"]
    assert [one["name"] for one in classes[:3]] == ["VCPU", "MEMORY_MB", "DISK_GB"]
    assert got(placement, "/resource_classes/VCPU") == classes[0]
    assert classes[-1]["name"] == "CUSTOM_CARD"
    assert got(placement, "/resource_classes/CUSTOM_CARD") == classes[-1]
    assert ask(placement, "/resource_classes/CUSTOM_X").status == 404


def test_who_may_ask(placement: Api) -> None:
    """Administrators and services; nobody writes, and 405 says so."""
    assert ask(placement, "/resource_providers", token="nova:p:service").status == 200
    refused = ask(placement, "/resource_providers", token=DEMO)
    assert refused.status == 403
    assert "Access was denied to this resource" in refused.json["errors"][0]["detail"]
    assert placement("GET", "/resource_providers", token=None).status == 401
    for method, path in (
        ("POST", "/resource_providers"),
        ("PUT", f"/allocations/{ONE}"),
        ("DELETE", f"/allocations/{ONE}"),
        ("PUT", "/traits/CUSTOM_NEW"),
    ):
        answer = placement(method, path, {}, token=ADMIN)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    missing = ask(placement, f"/resource_providers/{uuid.uuid4()}")
    assert missing.status == 404
    assert "No resource provider with uuid" in missing.json["errors"][0]["detail"]
