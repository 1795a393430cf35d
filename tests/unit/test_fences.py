"""An instance's ports and volumes are bound by the host that has it now, and by no other."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db import (
    builds,
    claims,
    deletes,
    failed_builds,
    network_quotas,
    networks,
    operations,
    ports,
    schema,
    volume_attachments,
    volumes,
)
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict
from devstack_lite.objects.compute import BuildOrder, BuildResult, Claim
from devstack_lite.objects.network import Network, Port
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota
from devstack_lite.states import Verdict
from devstack_lite.steps import StepLog
from tests.chaos.seeded import UNLIMITED
from tests.unit.conftest import make_boot, outcomes


def start(db: Database, uuid: str, host: str, attempt: int) -> None:
    claim = Claim(
        instance_uuid=uuid, host=host, node=host, vcpus=1, memory_mb=512, disk_gb=1,
        attempt=attempt,
    )  # fmt: skip
    assert outcomes(claims.claim_nodes(db, [claim])) == [claims.CLAIMED]
    order = BuildOrder(instance_uuid=uuid, node=host, attempt=attempt)
    assert builds.start_builds(db, host, host, [order], StepLog())


def bind(db: Database, uuid: str, host: str) -> Port:
    wanted = Port(
        id="port", network_id="network", project_id="p", device_id=uuid,
        device_owner="compute:nova", host_id=host, status="ACTIVE",
    )  # fmt: skip
    return ports.create_ports(db, [wanted])[0]


@pytest.fixture
def uuid(db: Database, context: RequestContext) -> str:
    """Return an instance that host1 builds, and that was handed out to host2 since."""
    networks.create_networks(db, [Network(id="network", name="network", project_id="p")])
    boot = make_boot()
    one = boot.instance_uuids[0]
    builds.create_instances(db, context, boot, UNLIMITED)
    start(db, one, "host1", 1)
    assert bind(db, one, "host1").host_id == "host1"
    silent = operations.Bounds(unowned_s=-1, owned_s=-1)
    assert operations.hand_out_silent(db, silent)[0].attempt == 2
    start(db, one, "host2", 2)
    return one


def test_the_next_host_takes_the_port(db: Database, uuid: str) -> None:
    """It is the same port, moved."""
    assert bind(db, uuid, "host2").host_id == "host2"


def test_a_fenced_host_does_not_get_it_back(db: Database, uuid: str) -> None:
    """It was stopped before it asked for its ports, and asks when it wakes up."""
    bind(db, uuid, "host2")
    with pytest.raises(Conflict, match="is not on host1"):
        bind(db, uuid, "host1")
    assert ports.get_port(db, "port").host_id == "host2"


def test_a_fenced_host_does_not_bind_a_given_port(db: Database, uuid: str) -> None:
    """The same by the other way: a port that a user gave, bound by its id."""
    given = {"device_id": uuid, "device_owner": "compute:nova"}

    def bind_given(host: str) -> Any:
        return ports.update_port(db, "port", {**given, "host_id": host}, holder=uuid)

    assert bind_given("host2").host_id == "host2"
    with pytest.raises(Conflict, match="is not on host1"):
        bind_given("host1")
    assert ports.get_port(db, "port").host_id == "host2"


def test_a_fenced_host_does_not_reach_the_volumes(db: Database, uuid: str) -> None:
    """Its connector is refused; the next host's is taken."""
    volume = Volume(id="volume", project_id="p", user_id="u", size_gb=1)
    volumes.create_volume(db, volume=volume, quota=VolumeQuota())
    made = VolumeAttachment(id="attachment", volume_id="volume", instance_uuid=uuid)
    volume_attachments.create_attachment(db, attachment=made)

    def reach(host: str) -> str | None:
        return volume_attachments.update_attachment(
            db, attachment_id="attachment", connector={"host": host}
        ).attached_host

    assert reach("host2") == "host2"
    with pytest.raises(Conflict, match="is not on host1"):
        reach("host1")


def test_a_port_of_no_instance_goes_where_it_is_told(db: Database, uuid: str) -> None:
    """Whatever a user says of a device that compute does not know."""
    for host in ("host1", "host2"):
        assert bind(db, uuid, "host2").host_id == "host2"
        values = {"device_id": "router", "host_id": host}
        moved = ports.update_port(db, "port", values)
        assert moved.host_id == host
        ports.update_port(db, "port", {"device_id": uuid, "host_id": "host2"})


def holders(db: Database) -> list[str]:
    with db.read() as connection:
        return list(connection.execute(sa.select(schema.ports.c.device_id)).scalars())


def attach(db: Database, uuid: str) -> None:
    volume = Volume(id="volume", project_id="p", user_id="u", size_gb=1)
    volumes.create_volume(db, volume=volume, quota=VolumeQuota())
    made = VolumeAttachment(id="at", volume_id="volume", instance_uuid=uuid)
    volume_attachments.create_attachment(db, attachment=made)


def fail(db: Database, uuid: str, *, can_retry: bool) -> None:
    result = BuildResult(
        instance_uuid=uuid, attempt=2, node="host2", error="no", can_retry=can_retry
    )
    failed_builds.fail_builds(db, [result], max_attempts=3)


def test_the_next_attempt_finds_the_ports_of_the_one_that_failed(db: Database, uuid: str) -> None:
    """Nobody removes them behind its back: they are the instance's, not an attempt's."""
    bind(db, uuid, "host2")
    attach(db, uuid)
    fail(db, uuid, can_retry=True)
    assert holders(db) == [uuid]
    assert [one.instance_uuid for one in volume_attachments.list_attachments(db)] == [uuid]


def test_a_build_that_ended_for_good_holds_nothing(db: Database, uuid: str) -> None:
    """With ERROR a port that was given is let go, and volumes are free again."""
    bind(db, uuid, "host2")
    attach(db, uuid)
    fail(db, uuid, can_retry=False)
    assert holders(db) == [""]
    assert volume_attachments.list_attachments(db) == []


def test_who_missed_the_answer_undoes_nothing(db: Database, uuid: str) -> None:
    """The build was finished, and its builder does not know: to it, hands off."""
    result = BuildResult(instance_uuid=uuid, attempt=2, node="host2", power_state=1)
    assert builds.judge_builds(db, [result]) == {uuid: Verdict.MINE}
    assert builds.finish_builds(db, [result], "nova") == {uuid: Verdict.MINE}
    assert builds.judge_builds(db, [result]) == {uuid: Verdict.LEAVE}
    assert builds.finish_builds(db, [result], "nova") == {uuid: Verdict.MINE}


def test_a_delete_between_two_attempts_leaves_nothing(
    db: Database, context: RequestContext, uuid: str
) -> None:
    """Nobody has the instance then: what its last attempt got goes in the same transaction."""
    bind(db, uuid, "host2")
    attach(db, uuid)
    fail(db, uuid, can_retry=True)
    assert deletes.begin_delete(db, context, uuid).deleted_at is not None
    assert holders(db) == [""]
    assert volume_attachments.list_attachments(db) == []


def test_an_instance_that_is_gone_gets_no_port(
    db: Database, context: RequestContext, uuid: str
) -> None:
    """Its builder was slow, and the delete was quicker."""
    fail(db, uuid, can_retry=True)
    deletes.begin_delete(db, context, uuid)
    late = Port(
        id="late", network_id="network", project_id="p", device_id=uuid,
        device_owner="compute:nova", host_id="host2", status="ACTIVE",
    )  # fmt: skip
    with pytest.raises(Conflict, match="is gone"):
        ports.create_ports(db, [late])


def test_a_port_of_two_hosts_is_refused(db: Database, uuid: str) -> None:
    """One of them does not have the instance, whichever is named last."""
    wanted = [
        Port(
            id=f"of-{host}", network_id="network", project_id="p", device_id=uuid,
            device_owner="compute:nova", host_id=host, status="ACTIVE",
        )
        for host in ("host1", "host2")
    ]  # fmt: skip
    with pytest.raises(Conflict, match="is not on"):
        ports.create_ports(db, wanted)


def test_a_quota_holds_for_whatever_a_port_is_bound_to(db: Database, uuid: str) -> None:
    """Also for a device that is no instance."""
    network_quotas.set_limits(db, "p", {"port": 1})
    bound = Port(
        id="bound", network_id="network", project_id="p", device_id="no-instance",
        device_owner="mine", host_id="host1",
    )  # fmt: skip
    with pytest.raises(Conflict, match="Quota exceeded"):
        ports.create_ports(db, [bound])
