"""A host whose cable is pulled: its boots go elsewhere, and nothing is double when it is back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from devstack_lite.chaos import faults
from tests.chaos.conftest import all_active, boot, running_guests
from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

HOST = "host1"
LONGEST_S = 120.0


def host_is(cloud: WholeCloud, state: str) -> bool:
    found = cloud.compute("GET", f"/os-services?binary=nova-compute&host={HOST}").json()
    return bool(found["services"][0]["state"] == state)


def test_a_host_that_is_cut_off_loses_no_boot_and_builds_none_twice(cloud: WholeCloud) -> None:
    """What it was asked for is built elsewhere; its guests run on, but for one evacuated."""
    boot(cloud, "before", 4)
    for number in (5, 6):
        cloud.boot(f"before-{number}", availability_zone=f"nova:{HOST}")
    before = all_active(cloud, "before", 6)
    mine = {one["id"] for one in before if one["OS-EXT-SRV-ATTR:host"] == HOST}
    assert len(mine) >= 2
    with faults.partitioned(cloud.record, HOST, LONGEST_S) as late:
        assert late == []
        boot(cloud, "during", 6)
        during = all_active(cloud, "during", 6)
        assert {one["OS-EXT-SRV-ATTR:host"] for one in during} <= {"host2", "host3"}
        wait_until(lambda: host_is(cloud, "down"), "the host is seen to be down", 40)
        assert mine <= running_guests(cloud, HOST)
        moved = min(mine)
        body = {"evacuate": {"onSharedStorage": False}}
        answer = cloud.compute("POST", f"/servers/{moved}/action", body)
        assert answer.status == 200
        assert cloud.wait_for(moved, "ACTIVE")["OS-EXT-SRV-ATTR:host"] != HOST
        assert moved in running_guests(cloud, HOST)
    wait_until(lambda: host_is(cloud, "up"), "the host is back", 90)
    wait_until(lambda: running_guests(cloud, HOST) == mine - {moved}, "it lets go of one", 90)
    cloud.command("check", "--wait", "60")
    assert cloud.compute("POST", f"/servers/{max(mine)}/action", {"os-stop": None}).status == 202
    cloud.wait_for(max(mine), "SHUTOFF")


CUT_AND_HEAL = """
import socket, threading
from devstack_lite import partition
server = socket.create_server(("127.0.0.1", 0))
def echo():
    while True:
        one, _ = server.accept()
        threading.Thread(target=lambda: [one.sendall(one.recv(9)) for _ in range(3)]).start()
threading.Thread(target=echo, daemon=True).start()
client = socket.create_connection(server.getsockname())
def answer(one):
    one.settimeout(0.3)
    try:
        one.sendall(b"x")
        return one.recv(9)
    except TimeoutError:
        return None
seen = [answer(client)]
over = threading.Event()
partition.cut_while(lambda: not over.is_set())
partition.cut_while(lambda: True)
seen.append(answer(client))
try:
    socket.create_connection(server.getsockname(), timeout=0.3)
except TimeoutError:
    seen.append("cannot connect")
over.set()
client.settimeout(10)
seen.append(client.recv(9))
print(seen)
"""


def test_a_cut_takes_nothing_in_until_it_is_healed() -> None:
    """Neither old connections nor new ones carry anything; what was sent arrives afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", CUT_AND_HEAL], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[b'x', None, 'cannot connect', b'x']", done.stderr
