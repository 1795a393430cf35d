"""PCI devices in the database: reported, claimed one by one, freed with their claim."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, deletes, hosts, pci_devices, schema
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.objects.compute import Claim, ComputeNode, Place
from devstack_lite.objects.pci import PciDevice, PciRequest
from tests.unit.conftest import make_boot, make_node, outcomes

NO_LIMITS = Limits(instances=-1, cores=-1, ram=-1)
GPU = {"vendor_id": "10de", "product_id": "1eb8"}
NIC = {"vendor_id": "8086", "product_id": "154c", "dev_type": "type-VF"}
CARD = {"vendor_id": "8086", "product_id": "1572", "dev_type": "type-PF"}


def gpu(bus: int, **more: Any) -> PciDevice:
    return PciDevice(address=f"0000:{bus:02x}:00.0", **{**GPU, **more})


def card(count: int) -> list[PciDevice]:
    """Return a network card of so many virtual functions."""
    own = PciDevice(address="0000:04:00.0", **CARD)
    return [own] + [
        PciDevice(address=f"0000:04:10.{number}", parent_addr=own.address, **NIC)
        for number in range(count)
    ]


def wants(count: int, spec: dict[str, str] | None = None) -> PciRequest:
    return PciRequest(alias_name="it", count=count, spec=(spec or GPU,))


def report(db: Database, devices: Sequence[PciDevice], host: str = "host1") -> None:
    hosts.report_nodes(db, [make_node(host, pci_devices=tuple(devices))])


def node(db: Database, host: str = "host1") -> ComputeNode:
    return next(one for one in hosts.list_nodes(db) if one.hypervisor_hostname == host)


def free(db: Database, host: str = "host1") -> dict[str, int]:
    """Return by card how many devices are free, as the scheduler is told."""
    found: Counter[str] = Counter()
    for pool in node(db, host).pci_stats:
        found[pool["tags"]["address"]] += pool["count"]
    return dict(found)


def boot(db: Database, context: RequestContext, count: int = 1) -> list[str]:
    made = builds.create_instances(db, context, make_boot(count), NO_LIMITS)
    return [one.uuid for one in made]


def claim(uuid: str, *requests: PciRequest, host: str = "host1", **more: Any) -> Claim:
    return Claim(
        instance_uuid=uuid, host=host, node=host, vcpus=1, memory_mb=512, disk_gb=1,
        pci_requests=requests, **more,
    )  # fmt: skip


def held(db: Database, uuid: str, host: str = "host1") -> list[str]:
    return [one.address for one in pci_devices.devices_of_instance(db, uuid, host)]


def test_what_a_host_reports_is_free_in_pools(db: Database) -> None:
    """Of each card one pool, with its tags; and only what changes changes the node."""
    report(db, [gpu(1, numa_node=0, tags={"managed": "true"}), *card(3)])
    assert [
        (pool["dev_type"], pool["numa_node"], pool["tags"], pool["count"])
        for pool in node(db).pci_stats
    ] == [
        ("type-PCI", 0, {"managed": "true", "address": "0000:01:00.0"}, 1),
        ("type-PF", None, {"address": "0000:04:00.0", "remote_managed": "false"}, 1),
        ("type-VF", None, {"address": "0000:04:00.0", "remote_managed": "false"}, 3),
    ]
    version = node(db).version
    report(db, [gpu(1, numa_node=0, tags={"managed": "true"}), *card(3)])
    assert node(db).version == version
    report(db, [gpu(1, numa_node=1)])
    assert (free(db), node(db).version > version) == ({"0000:01:00.0": 1}, True)
    report(db, [])
    assert node(db).pci_stats == ()


def test_a_node_without_devices_has_no_stats(db: Database) -> None:
    """Nothing is written of devices that are not there."""
    with db.read() as connection:
        stats = connection.execute(sa.select(schema.compute_nodes.c.pci_stats)).scalars()
        assert set(stats) == {None}


def test_a_claim_takes_devices_until_there_are_none(db: Database, context: RequestContext) -> None:
    """Each gets its own; who gets none gets no room either, and a claim repeated is the same."""
    report(db, [gpu(1), gpu(2)])
    uuids = boot(db, context, 3)
    wanted = [claim(uuid, wants(1)) for uuid in uuids]
    found = outcomes(claims.claim_nodes(db, wanted))
    assert found == [claims.CLAIMED, claims.CLAIMED, claims.FULL]
    assert sorted(held(db, uuids[0]) + held(db, uuids[1])) == ["0000:01:00.0", "0000:02:00.0"]
    assert (free(db), node(db).instances, node(db).vcpus_used) == ({}, 2, 2)
    assert outcomes(claims.claim_nodes(db, wanted[:1])) == [claims.CLAIMED]
    assert (len(held(db, uuids[0])), node(db).instances) == (1, 2)


def test_devices_go_with_their_claim(db: Database, context: RequestContext) -> None:
    """What an instance lets go of is free again, on that node alone."""
    report(db, [gpu(1), gpu(2)])
    report(db, [gpu(1)], "host2")
    (uuid,) = boot(db, context)
    claims.claim_nodes(db, [claim(uuid, wants(2))])
    assert free(db) == {}
    with db.write() as connection:
        claims.end_building(connection, [uuid])
        moved = schema.instances.update().where(schema.instances.c.uuid == uuid)
        connection.execute(moved.values(attempt=2, task_state="resize_prep"))
    again = claim(uuid, wants(1), host="host2", attempt=2)
    assert outcomes(claims.claim_nodes(db, [again])) == [claims.CLAIMED]
    assert (len(held(db, uuid)), len(held(db, uuid, "host2"))) == (2, 1)
    with db.write() as connection:
        claims.release_elsewhere(connection, uuid, "host2")
    assert (free(db), free(db, "host2")) == ({"0000:01:00.0": 1, "0000:02:00.0": 1}, {})
    with db.write() as connection:
        claims.release(connection, [uuid])
    assert (held(db, uuid, "host2"), free(db, "host2")) == ([], {"0000:01:00.0": 1})


def test_a_later_attempt_lets_go_of_what_the_one_before_took(
    db: Database, context: RequestContext
) -> None:
    """Whoever builds again has its devices where it builds, and none where it does not."""
    report(db, [gpu(1)])
    report(db, [gpu(1)], "host2")
    (uuid,) = boot(db, context)
    claims.claim_nodes(db, [claim(uuid, wants(1))])
    with db.write() as connection:
        connection.execute(schema.instances.update().values(attempt=2))
    claims.claim_nodes(db, [claim(uuid, wants(1), host="host2", attempt=2)])
    assert (held(db, uuid), held(db, uuid, "host2")) == ([], ["0000:01:00.0"])
    assert free(db) == {"0000:01:00.0": 1}


def test_an_alternate_takes_who_finds_no_device(db: Database, context: RequestContext) -> None:
    """A node without what is wanted is as one that is full."""
    report(db, [gpu(1)], "host2")
    (uuid,) = boot(db, context)
    more = (Place(host="host3", node="host3"), Place(host="host2", node="host2"))
    (answer,) = claims.claim_nodes(db, [claim(uuid, wants(1), alternates=more)])
    assert (answer.outcome, answer.node) == (claims.CLAIMED, "host2")
    assert held(db, uuid, "host2") == ["0000:01:00.0"]


def test_no_room_takes_no_device(db: Database, context: RequestContext) -> None:
    """A claim is of room and devices, or of neither."""
    report(db, [gpu(1)])
    (uuid,) = boot(db, context)
    large = Claim(
        instance_uuid=uuid, host="host1", node="host1", vcpus=500, memory_mb=1, disk_gb=1,
        pci_requests=(wants(1),),
    )  # fmt: skip
    assert outcomes(claims.claim_nodes(db, [large])) == [claims.FULL]
    assert (held(db, uuid), free(db)) == ([], {"0000:01:00.0": 1})


def test_a_card_and_its_virtual_functions_exclude_each_other(
    db: Database, context: RequestContext
) -> None:
    """Who has the one keeps the other from everybody."""
    report(db, card(2))
    one, other = boot(db, context, 2)
    assert outcomes(claims.claim_nodes(db, [claim(one, wants(1, NIC))])) == [claims.CLAIMED]
    assert [pool["dev_type"] for pool in node(db).pci_stats] == ["type-VF"]
    assert outcomes(claims.claim_nodes(db, [claim(other, wants(1, CARD))])) == [claims.FULL]
    with db.write() as connection:
        claims.release(connection, [one])
    assert outcomes(claims.claim_nodes(db, [claim(other, wants(1, CARD))])) == [claims.CLAIMED]
    assert (held(db, other), node(db).pci_stats) == (["0000:04:00.0"], ())


def test_a_device_that_is_gone_stays_its_instances(db: Database, context: RequestContext) -> None:
    """Until that lets go of it; nobody gets it then."""
    report(db, [gpu(1), gpu(2)])
    (uuid,) = boot(db, context)
    claims.claim_nodes(db, [claim(uuid, wants(2))])
    report(db, [gpu(2)])
    assert len(held(db, uuid)) == 2
    with db.write() as connection:
        claims.release(connection, [uuid])
    assert free(db) == {"0000:02:00.0": 1}


@contextmanager
def changes(db: Database) -> Iterator[list[str]]:
    """Yield how each change of a table meanwhile begins, in order."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith(("UPDATE", "DELETE")):
            said.append(" ".join(statement.split()[:3]))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


def test_a_host_that_is_deleted_takes_its_devices_along(db: Database) -> None:
    """No row is left of them; the counter is locked before them, as claims do it."""
    hosts.report_service(
        db, binary="nova-compute", host="host1", topic="compute", availability_zone="nova"
    )
    report(db, [gpu(1)])
    hosts.update_service(db, binary="nova-compute", host="host1", is_forced_down=True)
    with changes(db) as said:
        hosts.delete_service(db, binary="nova-compute", host="host1", down_time_s=60)
    assert said[:3] == [
        "UPDATE counters SET", "DELETE FROM pci_devices", "DELETE FROM compute_nodes",
    ]  # fmt: skip
    with db.read() as connection:
        assert connection.execute(sa.select(schema.pci_devices)).all() == []


def all_held(db: Database) -> dict[str, list[str]]:
    """Return by instance what it has, of the instances that claim."""
    with db.read() as connection:
        rows = connection.execute(schema.claims.select()).all()
    return {row.instance_uuid: held(db, row.instance_uuid) for row in rows}


def race_for_devices(db: Database, context: RequestContext) -> None:
    """Have eight claim at once, of whom half give back, then as many as there are GPUs one each."""
    devices = [*(gpu(number) for number in range(11, 19)), *card(4)]
    large = make_node("host1", vcpus=64, memory_mb=65536, pci_devices=tuple(devices))
    hosts.report_nodes(db, [large])
    uuids = boot(db, context, 40)
    kinds = (wants(1), wants(2), wants(1, NIC), wants(1, CARD))
    of = {uuid: kinds[index % 4] for index, uuid in enumerate(uuids)}
    begin = threading.Barrier(8)
    answers: list[str] = []

    def run(own: list[str], gives_back: bool) -> None:
        begin.wait()
        for uuid in own:
            answers.extend(outcomes(claims.claim_nodes(db, [claim(uuid, of[uuid])])))
            if gives_back:
                deletes.begin_delete(db, context, uuid)

    threads = [
        threading.Thread(target=run, args=(uuids[start::8], start < 4)) for start in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(uuids)
    _is_right(db, of)
    late = boot(db, context, 8)
    claims.claim_nodes(db, [claim(uuid, wants(1)) for uuid in late])
    _is_right(db, {**of, **dict.fromkeys(late, wants(1))})
    assert free(db).keys() <= {"0000:04:00.0"}


def _is_right(db: Database, of: dict[str, PciRequest]) -> None:
    """Each has what it claims and nobody what another has; what is free is told."""
    found = all_held(db)
    assert {uuid: len(own) for uuid, own in found.items()} == {
        uuid: of[uuid].count for uuid in found
    }
    taken = [address for own in found.values() for address in own]
    assert len(taken) == len(set(taken))
    own_card = "0000:04:00.0"
    virtual = {address for address in taken if address.startswith("0000:04:10.")}
    assert not (virtual and own_card in taken)
    gpus = len(taken) - len(virtual) - (own_card in taken)
    network = 0 if own_card in taken else 4 - len(virtual) + (not virtual)
    assert sum(free(db).values()) == 8 - gpus + network
    assert node(db).instances == len(found)


def test_racing_claims_never_get_the_same_device(db: Database, context: RequestContext) -> None:
    """Claimed and given back by eight at once: none is given away twice, and none is lost."""
    race_for_devices(db, context)
