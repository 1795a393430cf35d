"""Many boots at once: all ACTIVE, counted exactly, each with an address of its own."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

USED = """
SELECT n.hypervisor_hostname, n.vcpus_used, n.memory_mb_used, n.disk_gb_used, n.instances, n.io_ops,
       coalesce(sum(c.vcpus), 0), coalesce(sum(c.memory_mb), 0), coalesce(sum(c.disk_gb), 0),
       count(c.instance_uuid), coalesce(sum(c.is_building), 0)
FROM compute_nodes n LEFT JOIN claims c ON c.node = n.hypervisor_hostname
GROUP BY n.hypervisor_hostname
"""


def count_domains(cloud: WholeCloud) -> int:
    total = 0
    for host in cloud.record.hosts:
        store = cloud.record.state_dir / "hypervisor" / host
        total += len(libvirt.open(make_uri(store, host)).listAllDomains(0))
    return total


def count_addresses(cloud: WholeCloud) -> int:
    return int(cloud.scalar("SELECT count(*) FROM ip_allocations"))


def check_books(cloud: WholeCloud) -> None:
    for row in cloud.rows(USED):
        node, *figures = row
        assert figures[:5] == figures[5:], f"used is not the sum of the claims on {node}"


def check_that_nothing_is_held(cloud: WholeCloud, uuids: set[str]) -> None:
    """Check that none of these servers holds a claim, a port, an address or an attachment."""
    for table, column in (
        ("claims", "instance_uuid"),
        ("ports", "device_id"),
        ("volume_attachments", "instance_uuid"),
    ):
        assert not {row[0] for row in cloud.rows(f"SELECT {column} FROM {table}")} & uuids, table
    strays = "SELECT port_id FROM ip_allocations WHERE port_id NOT IN (SELECT id FROM ports)"
    assert cloud.rows(strays) == []


def check_quotas(cloud: WholeCloud) -> None:
    """Check that what is counted as used is what is there."""
    counted = cloud.rows(
        "SELECT project_id, count(*) FROM instances WHERE deleted_at IS NULL GROUP BY project_id"
    )
    usages = cloud.rows("SELECT project_id, instances, cores, ram FROM quota_usages")
    assert {row.project_id: row.instances for row in usages if row.instances} == dict(
        map(tuple, counted)
    )
    assert [row for row in usages if not row.instances and (row.cores or row.ram)] == []


def boot_ten(cloud: WholeCloud, client: int) -> list[str]:
    """Boot ten servers one after the other, with a token of the client's own."""
    token = cloud.token()
    ids = []
    for number in range(10):
        body = cloud.body(f"wide-{client}-{number}")
        answer = cloud.compute("POST", "/servers", body, token=token)
        assert answer.status == 202, answer.data
        ids.append(str(answer.json()["server"]["id"]))
    return ids


def test_two_hundred_in_one_request_and_from_twenty_clients(whole_cloud: WholeCloud) -> None:
    """400 instances: used = sum of claims on each node, 400 addresses; deleted, nothing is left."""
    before, addresses = count_domains(whole_cloud), count_addresses(whole_cloud)
    whole_cloud.boot("wide-together", min_count=200)
    with ThreadPoolExecutor(20) as clients:
        asked = [*clients.map(lambda client: boot_ten(whole_cloud, client), range(20))]
    servers = whole_cloud.wait_for_all("wide", 400, timeout_s=90)
    assert Counter(server["status"] for server in servers) == {"ACTIVE": 400}
    ids = {server["id"] for server in servers}
    assert {one for ten in asked for one in ten} <= ids
    found = [address["addr"] for server in servers for address in server["addresses"]["private"]]
    assert len(set(found)) == len(found) == 400
    assert Counter(server["OS-EXT-SRV-ATTR:host"] for server in servers).keys() == set(
        whole_cloud.record.hosts
    )
    check_books(whole_cloud)
    check_quotas(whole_cloud)
    assert count_domains(whole_cloud) == before + 400

    whole_cloud.delete_all("wide")
    wait_until(lambda: count_domains(whole_cloud) == before, "the domains are gone")
    check_books(whole_cloud)
    check_quotas(whole_cloud)
    check_that_nothing_is_held(whole_cloud, ids)
    assert count_addresses(whole_cloud) == addresses
