"""The 18 steps of a boot: all there, in order of cause, in the processes that own them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

OWNERS = {
    1: "identity", 2: "api", 3: "api", 4: "api", 5: "api", 6: "scheduler", 7: "scheduler",
    8: "compute", 9: "compute", 10: "conductor", 11: "conductor", 12: "compute", 13: "image",
    14: "compute", 15: "network", 16: "compute", 17: "volume", 18: "compute",
}  # fmt: skip

CAUSED_BY = {
    # A step begins after the one that causes it has begun; 13, 15 and 17 lie within 12, 14 and 16.
    2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 7, 9: 8, 10: 9, 11: 10, 12: 11, 13: 12, 14: 13, 15: 14,
    16: 15, 17: 16, 18: 17,
}  # fmt: skip


def trace_of(cloud: WholeCloud, server_id: str) -> dict[str, Any]:
    answer = cloud.compute("GET", f"/servers/{server_id}/os-boot-trace")
    assert answer.status == 200, answer.data
    found: dict[str, Any] = answer.json()["boot_trace"]
    return found


def check_trace(cloud: WholeCloud, trace: dict[str, Any], host: str) -> None:
    steps = {step["step"]: step for step in trace["steps"]}
    assert sorted(steps) == list(range(1, 19))
    assert {number: step["service"] for number, step in steps.items()} == OWNERS
    assert {step["outcome"] for step in steps.values()} == {"ok"}
    for number, cause in CAUSED_BY.items():
        assert steps[cause]["offset_s"] <= steps[number]["offset_s"], f"{number} before {cause}"
    for number, step in steps.items():
        daemon = f"compute-{host}" if step["service"] == "compute" else step["service"]
        assert step["pid"] in cloud.workers(daemon), f"step {number} was done by another process"
    assert len({step["pid"] for step in steps.values()}) >= 6
    total_s = sum(step["duration_s"] for step in steps.values() if step["step"] > 1)
    assert total_s == pytest.approx(trace["elapsed_s"], abs=0.002)


def test_one_boot_leaves_all_steps(whole_cloud: WholeCloud) -> None:
    """Each step is recorded by the process that owns it, and the durations add up."""
    server_id = whole_cloud.boot("traced")
    server = whole_cloud.wait_for(server_id, "ACTIVE")
    trace = trace_of(whole_cloud, server_id)
    check_trace(whole_cloud, trace, server["OS-EXT-SRV-ATTR:host"])
    assert trace["attempt"] == 1
    whole_cloud.delete_all("traced")


def test_each_of_many_boots_leaves_all_steps(whole_cloud: WholeCloud) -> None:
    """Instances of one request have traces of their own, which share what they shared."""
    whole_cloud.boot("batch", min_count=20)
    servers = whole_cloud.wait_for_all("batch", 20)
    assert {server["status"] for server in servers} == {"ACTIVE"}
    for server in servers[:3]:
        trace = trace_of(whole_cloud, server["id"])
        check_trace(whole_cloud, trace, server["OS-EXT-SRV-ATTR:host"])
    whole_cloud.delete_all("batch")


def test_no_valid_host_says_why(whole_cloud: WholeCloud) -> None:
    """A flavor larger than any host ends in ERROR with the filter's name, and holds nothing."""
    sdk = whole_cloud.sdk()
    sdk.compute.create_flavor(name="huge", ram=10**7, vcpus=1, disk=1, id="huge")
    server_id = whole_cloud.boot("too-big", flavorRef="huge")
    server = whole_cloud.wait_for(server_id, "ERROR")
    assert server["fault"]["message"].startswith("No valid host was found. RamFilter refused")
    trace = trace_of(whole_cloud, server_id)
    assert trace["steps"][-1]["outcome"] == "error: NoValidHost"
    assert whole_cloud.rows("SELECT * FROM claims WHERE instance_uuid = :u", u=server_id) == []
    whole_cloud.delete_all("too-big")
    sdk.compute.delete_flavor("huge")


def test_request_id_leads_through_all_daemons(whole_cloud: WholeCloud) -> None:
    """A search for a boot's request id in the combined log shows its path through the cloud."""
    server_id = whole_cloud.boot("logged")
    whole_cloud.wait_for(server_id, "ACTIVE")
    request_id = trace_of(whole_cloud, server_id)["request_id"]
    lines = [
        line for line in whole_cloud.record.combined_log.read_text().splitlines()
        if request_id in line
    ]  # fmt: skip
    daemons = {line.split()[4] for line in lines}
    assert {"api", "scheduler", "conductor", "compute"} <= daemons
    assert any(server_id in line for line in lines)
    whole_cloud.delete_all("logged")
