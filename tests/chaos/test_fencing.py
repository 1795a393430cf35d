"""A worker that comes back too late, and messages that come twice, to a cloud that works slowly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.context import RequestContext
from devstack_lite.db import instances
from devstack_lite.objects.compute import BuildOrder, Instance, ScheduleRequest
from devstack_lite.rpc.transport import get_transport
from devstack_lite.states import TaskState
from devstack_lite.steps import StepLog
from fake_hypervisor.store import read_domains
from services.compute.rpcapi import ComputeAPI
from services.conductor.dispatch import boot_request_of
from services.scheduler.rpcapi import SchedulerAPI
from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import WholeCloud, bring_up

pytestmark = pytest.mark.cloud

FENCED_S = 90.0
"""A silent owner is noticed after 15 s, a message that nobody took after 10, a host after 20."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    """Bring a cloud up whose operations last for seconds."""
    home = tmp_path_factory.mktemp("fencing")
    with bring_up(
        home, f"fencing-{os.getpid()}", "--hosts", "2", "--profile", "realistic"
    ) as found:
        yield found
        found.db.engine.dispose()


def assert_valid(cloud: WholeCloud) -> None:
    """Check that all invariants hold once nothing is under way."""
    cloud.command("check", "--wait", "60")


def in_hand(cloud: WholeCloud, server_id: str, *task_states: TaskState) -> Instance:
    """Wait until a worker has the server in hand, in one of these states; return it."""
    seen: list[Instance] = []

    def is_in_hand() -> bool:
        seen[:] = [instances.get_instance(cloud.db, server_id)]
        return seen[0].owner is not None and seen[0].task_state in (task_states or {*TaskState})

    wait_until(is_in_hand, f"{server_id} is in hand")
    return seen[0]


def domains_of(cloud: WholeCloud, server_id: str) -> list[tuple[str, str]]:
    """Return host and node of each domain of a server, in every store."""
    return [
        (host, row.node)
        for host in cloud.record.hosts
        for row in read_domains(cloud.record.state_dir / "hypervisor" / host)
        if row.uuid == server_id
    ]


def test_a_worker_that_wakes_up_after_its_attempt_was_fenced_changes_nothing(
    cloud: WholeCloud,
) -> None:
    """Stopped in the midst of a build, it finds another's: one domain, one claim, one port."""
    server_id = cloud.boot("fenced")
    before = in_hand(cloud, server_id, TaskState.NETWORKING, TaskState.SPAWNING)
    cloud.command("chaos", "pause", f"compute-{before.host}", "--worker", "1")
    try:
        server = cloud.wait_for(server_id, "ACTIVE", FENCED_S)
    finally:
        cloud.command("chaos", "resume")
    host = server["OS-EXT-SRV-ATTR:host"]
    assert host != before.host
    after = instances.get_instance(cloud.db, server_id)
    assert after.attempt > before.attempt

    wait_until(lambda: domains_of(cloud, server_id) == [(host, host)], "one domain", 30.0)
    assert_valid(cloud)
    assert instances.get_instance(cloud.db, server_id) == after
    assert domains_of(cloud, server_id) == [(host, host)]
    assert [
        tuple(row) for row in cloud.rows("SELECT instance_uuid, host FROM claims")
    ] == [(server_id, host)]  # fmt: skip
    ports = cloud.rows("SELECT id, host_id FROM ports WHERE device_id = :id", id=server_id)
    assert [(row.id, row.host_id) for row in ports] == [(after.network_info[0]["port_id"], host)]
    cloud.delete_all("fenced")
    assert_valid(cloud)


@pytest.fixture
def transport(cloud: WholeCloud) -> Iterator[Any]:
    """Give the cloud's broker, to send messages as its daemons do."""
    conf = options.register(cfg.CONF)
    conf([], project="devstack-lite", default_config_files=[])
    get_transport(conf)  # registers transport_url
    conf.set_override("transport_url", cloud.record.broker.transport_url)
    made = get_transport(conf)
    yield made
    made.cleanup()
    conf.reset()
    conf.clear_override("transport_url")


def test_messages_of_a_boot_a_stop_and_a_delete_come_three_times(
    cloud: WholeCloud, transport: Any
) -> None:
    """While it is in hand each is asked for again, twice: it is done once, by its first attempt."""
    compute, scheduler = ComputeAPI(transport), SchedulerAPI(transport)
    context = RequestContext(user_id="u", project_id="p", request_id="req-again")
    server_id = cloud.boot("thrice")
    building = in_hand(cloud, server_id)
    host = str(building.host)
    order = BuildOrder(instance_uuid=server_id, node=str(building.node), attempt=building.attempt)
    for _ in range(2):
        compute.build_instances(context, host=host, orders=[order], steps=StepLog().to_message())
        request = ScheduleRequest(boot=boot_request_of(building), attempt=building.attempt)
        assert scheduler.schedule_builds(context, request=request) == {}
        scheduler.reschedule_builds(context, request=request)
    cloud.wait_for(server_id, "ACTIVE")
    assert instances.get_instance(cloud.db, server_id).attempt == building.attempt
    assert domains_of(cloud, server_id) == [(host, host)]

    answer = cloud.compute("POST", f"/servers/{server_id}/action", {"os-stop": None})
    assert answer.status == 202
    stopping = in_hand(cloud, server_id, TaskState.POWERING_OFF)
    for _ in range(2):
        compute.run_operation(context, host=host, instance=stopping)
    cloud.wait_for(server_id, "SHUTOFF")
    assert instances.get_instance(cloud.db, server_id).attempt == stopping.attempt
    compute.run_operation(context, host=host, instance=stopping)
    assert_valid(cloud)

    assert cloud.compute("DELETE", f"/servers/{server_id}").status == 204
    deleting = cloud.rows("SELECT deleted_at FROM instances WHERE uuid = :id", id=server_id)
    assert len(deleting) == 1
    for _ in range(2):
        compute.run_operation(context, host=host, instance=in_state_of_delete(stopping))
    wait_until(lambda: not cloud.servers("thrice"), "it is gone", 30.0)
    assert_valid(cloud)
    assert domains_of(cloud, server_id) == []


def in_state_of_delete(instance: Instance) -> Instance:
    """Return what the host is sent when the instance is deleted."""
    import dataclasses

    return dataclasses.replace(
        instance,
        task_state=TaskState.DELETING,
        attempt=instance.attempt + 1,
        operation={**(instance.operation or {}), "name": "delete"},
    )
