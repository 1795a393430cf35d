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


def check_books(cloud: WholeCloud) -> None:
    for row in cloud.rows(USED):
        node, *figures = row
        assert figures[:5] == figures[5:], f"used is not the sum of the claims on {node}"


def test_two_hundred_in_one_request_and_from_twenty_clients(whole_cloud: WholeCloud) -> None:
    """400 instances: used = sum of claims on each node, 400 addresses; deleted, nothing is left."""
    before = count_domains(whole_cloud)
    whole_cloud.boot("wide", min_count=200)
    with ThreadPoolExecutor(20) as clients:
        list(clients.map(lambda n: whole_cloud.boot(f"wide-single-{n}"), range(200)))
    servers = whole_cloud.wait_for_all("wide", 400, timeout_s=90)
    assert Counter(server["status"] for server in servers) == {"ACTIVE": 400}
    found = [address["addr"] for server in servers for address in server["addresses"]["private"]]
    assert len(set(found)) == len(found) == 400
    check_books(whole_cloud)
    assert count_domains(whole_cloud) == before + 400

    whole_cloud.delete_all("wide")
    wait_until(lambda: count_domains(whole_cloud) == before, "the domains are gone")
    check_books(whole_cloud)
    uuids = [server["id"] for server in servers]
    held = whole_cloud.rows("SELECT device_id FROM ports WHERE device_owner LIKE 'compute:%'")
    assert not {row.device_id for row in held} & set(uuids)
    counted = whole_cloud.rows(
        "SELECT project_id, count(*) FROM instances WHERE deleted_at IS NULL GROUP BY project_id"
    )
    usages = whole_cloud.rows("SELECT project_id, instances FROM quota_usages")
    assert {p: n for p, n in usages if n} == dict(map(tuple, counted))
