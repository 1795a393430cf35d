"""The 18 steps of a boot: all there, in order of cause, in the processes that own them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "boot.txt"

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

ADD_UP_S = 0.001
"""Steps 3, 13, 15 and 17 are timed by the monotonic clock, the others by the wall clock."""


def trace_of(cloud: WholeCloud, server_id: str) -> dict[str, Any]:
    answer = cloud.compute("GET", f"/servers/{server_id}/os-boot-trace")
    assert answer.status == 200, answer.data
    found: dict[str, Any] = answer.json()["boot_trace"]
    return found


def check_trace(trace: dict[str, Any], workers: dict[str, list[int]], host: str) -> None:
    """Check one boot's records against the workers that `devstack-lite status` names."""
    steps = {step["step"]: step for step in trace["steps"]}
    assert len(trace["steps"]) == 18
    assert sorted(steps) == list(range(1, 19))
    assert {number: step["service"] for number, step in steps.items()} == OWNERS
    assert {step["outcome"] for step in steps.values()} == {"ok"}
    for number, cause in CAUSED_BY.items():
        assert steps[cause]["offset_s"] <= steps[number]["offset_s"], f"{number} before {cause}"
    for number, step in steps.items():
        daemon = f"compute-{host}" if step["service"] == "compute" else step["service"]
        assert step["pid"] in workers[daemon], f"step {number} was done by another process"
        assert step["duration_s"] >= 0.0
        if asked := re.fullmatch(r"asked identity, pid (\d+)", step["detail"]):
            assert int(asked[1]) in workers["identity"]
    assert len({step["pid"] for step in steps.values()}) >= 6
    total_s = sum(step["duration_s"] for step in steps.values() if step["step"] > 1)
    assert total_s == pytest.approx(trace["elapsed_s"], abs=ADD_UP_S)


def test_one_boot_leaves_all_steps(whole_cloud: WholeCloud) -> None:
    """Each step is recorded by the process that owns it, and the durations add up."""
    server_id = whole_cloud.boot("traced")
    server = whole_cloud.wait_for(server_id, "ACTIVE")
    trace = trace_of(whole_cloud, server_id)
    check_trace(trace, whole_cloud.all_workers(), server["OS-EXT-SRV-ATTR:host"])
    assert trace["attempt"] == 1
    whole_cloud.delete_all("traced")


def test_each_of_many_boots_leaves_all_steps(whole_cloud: WholeCloud) -> None:
    """Instances of one request have traces of their own, which share what they shared."""
    whole_cloud.boot("batch", min_count=20)
    servers = whole_cloud.wait_for_all("batch", 20)
    assert {server["status"] for server in servers} == {"ACTIVE"}
    workers = whole_cloud.all_workers()
    traces = [trace_of(whole_cloud, server["id"]) for server in servers]
    for server, trace in zip(servers, traces, strict=True):
        check_trace(trace, workers, server["OS-EXT-SRV-ATTR:host"])
    assert len({trace["request_id"] for trace in traces}) == 1
    shared = {number: {step["start"] for trace in traces for step in trace["steps"]
                       if step["step"] == number} for number in range(1, 19)}  # fmt: skip
    assert [len(shared[number]) for number in range(1, 7)] == [1] * 6
    assert len(shared[18]) == 20
    whole_cloud.delete_all("batch")


def test_boots_of_one_moment_are_each_their_own(whole_cloud: WholeCloud) -> None:
    """They share messages and questions; each has all of its steps, and a request id of its own."""
    with ThreadPoolExecutor(12) as pool:
        booted = list(pool.map(whole_cloud.boot, [f"crowd-{number}" for number in range(36)]))
    servers = [whole_cloud.wait_for(server_id, "ACTIVE") for server_id in booted]
    assert [f"crowd-{number}" for number in range(36)] == [one["name"] for one in servers]
    workers = whole_cloud.all_workers()
    traces = [trace_of(whole_cloud, server_id) for server_id in booted]
    for server, trace in zip(servers, traces, strict=True):
        check_trace(trace, workers, server["OS-EXT-SRV-ATTR:host"])
    assert len({trace["request_id"] for trace in traces}) == len(booted)
    whole_cloud.delete_all("crowd")


def test_no_valid_host_says_why(whole_cloud: WholeCloud) -> None:
    """A flavor larger than any host ends in ERROR with the filter's name, and holds nothing."""
    sdk = whole_cloud.sdk()
    sdk.compute.create_flavor(name="huge", ram=10**7, vcpus=1, disk=1, id="huge")
    server_id = whole_cloud.boot("too-big", flavorRef="huge")
    server = whole_cloud.wait_for(server_id, "ERROR")
    assert server["fault"]["message"].startswith("No valid host was found. RamFilter refused")
    trace = trace_of(whole_cloud, server_id)
    assert [step["step"] for step in trace["steps"]] == list(range(1, 8))
    assert trace["steps"][-1]["outcome"] == "error: NoValidHost"
    assert "RamFilter" in trace["steps"][-1]["detail"]
    assert whole_cloud.rows("SELECT * FROM claims WHERE instance_uuid = :u", u=server_id) == []
    assert whole_cloud.rows("SELECT * FROM ports WHERE device_id = :u", u=server_id) == []
    whole_cloud.delete_all("too-big")
    sdk.compute.delete_flavor("huge")


def lines_of(cloud: WholeCloud, request_id: str) -> list[str]:
    lines = cloud.record.combined_log.read_text().splitlines()
    return [line for line in lines if request_id in line]


def daemon_of(line: str) -> str:
    """Return who wrote a line: day, time, pid, level, daemon, logger, …"""
    return line.split()[4]


def test_request_id_leads_through_all_daemons(whole_cloud: WholeCloud) -> None:
    """A search for a boot's request id or uuid in the combined log finds every daemon."""
    server_id = whole_cloud.boot("logged")
    whole_cloud.wait_for(server_id, "ACTIVE")
    lines = lines_of(whole_cloud, trace_of(whole_cloud, server_id)["request_id"])
    daemons = {"api", "scheduler", "conductor", "compute", "identity", "image", "network", "volume"}
    assert {daemon_of(line) for line in lines} == daemons
    assert {daemon_of(line) for line in lines if server_id in line} == daemons
    whole_cloud.delete_all("logged")


MASKS = (
    (re.compile(r"req-[0-9a-f-]{36}"), "req-ID"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\bhost[123]\b"), "HOST"),
    (re.compile(r"\b10\.0\.\d+\.\d+\b"), "ADDRESS"),
    (re.compile(r"\bpid \d+"), "pid PID"),
    (re.compile(r"weight -?[\d.]+"), "weight W"),
)


def masked(text: str) -> str:
    """Return text without what differs from boot to boot."""
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return text


def transcript(cloud: WholeCloud, server_id: str) -> str:
    """Return one boot as a reader of traces and logs sees it, each process by a letter."""
    trace = trace_of(cloud, server_id)
    letters: dict[int, str] = {}
    for step in trace["steps"]:
        letters.setdefault(step["pid"], chr(ord("A") + len(letters)))
    lines = ["The steps: number, what, who (each process has a letter), outcome, detail."]
    for step in trace["steps"]:
        who = f"{step['service']} {letters[step['pid']]}"
        detail = masked(step["detail"])
        lines.append(
            f"{step['step']:>2} {step['what']:<51} {who:<12} {step['outcome']} {detail}".rstrip()
        )
    lines += ["", "What each daemon logs under the request's id."]
    logged = lines_of(cloud, trace["request_id"])
    for daemon in dict.fromkeys(OWNERS.values()):
        own = [line.split(maxsplit=5)[5] for line in logged if daemon_of(line) == daemon]
        lines += [f"{daemon}: {masked(line)}" for line in own]
    return "\n".join(lines) + "\n"


def logged_of(cloud: WholeCloud, server_id: str) -> str:
    return "\n".join(lines_of(cloud, trace_of(cloud, server_id)["request_id"]))


def test_one_boot_reads_as_it_always_did(
    whole_cloud: WholeCloud, request: pytest.FixtureRequest
) -> None:
    """The masked transcript of a boot is the one in tests/golden/boot.txt."""
    server_id = whole_cloud.boot("golden")
    whole_cloud.wait_for(server_id, "ACTIVE")
    # The host logs its last line when it has read the answer that made the server ACTIVE.
    wait_until(lambda: "step 18: domain created" in logged_of(whole_cloud, server_id), "step 18")
    found = transcript(whole_cloud, server_id)
    whole_cloud.delete_all("golden")
    if request.config.getoption("--update-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(found)
    assert GOLDEN.read_text() == found
