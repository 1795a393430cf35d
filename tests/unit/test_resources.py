"""What an instance takes of a node: the flavor's size, its extra specs, and what it boots from."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, deletes, hosts, schema
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import (
    BootRequest,
    Claim,
    ComputeNode,
    Flavor,
    Place,
    ScheduleRequest,
)
from devstack_lite.objects.resources import Resources, resources_of
from services.api.extra_specs import check_extra_specs, check_resources
from services.scheduler import filters, image_filters
from services.scheduler.decide import Scheduler
from services.scheduler.hosts import HostTable
from tests.unit.conftest import inventory, make_boot, make_node, outcomes

UNLIMITED = Limits(instances=-1, cores=-1, ram=-1)
SIZE = Flavor(id="1", name="f", vcpus=2, memory_mb=512, root_gb=10, ephemeral_gb=3, swap_mb=1500)


def with_specs(**specs: str) -> Flavor:
    named = {name.replace("__", ":"): value for name, value in specs.items()}
    return replace(SIZE, extra_specs=named)


CARD = with_specs(resources__CUSTOM_CARD="2")


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ({}, Resources(vcpus=2, memory_mb=512, disk_gb=15)),
        ({"resources:VCPU": "0", "resources:MEMORY_MB": "0", "resources:DISK_GB": "0"},
         Resources()),
        ({"resources:VCPU": "1", "resources:DISK_GB": "40"},
         Resources(vcpus=1, memory_mb=512, disk_gb=40)),
        ({"resources:CUSTOM_A": "3", "resources:VGPU": "1", "resources:CUSTOM_B": "0"},
         Resources(vcpus=2, memory_mb=512, disk_gb=15, others={"CUSTOM_A": 3, "VGPU": 1})),
        ({"resources1:CUSTOM_A": "3", "resources_x:CUSTOM_A": "1", "resources2:VCPU": "1"},
         Resources(vcpus=1, memory_mb=512, disk_gb=15, others={"CUSTOM_A": 4})),
        ({"resources:PCPU": "3"}, Resources(vcpus=3, memory_mb=512, disk_gb=15)),
        ({"resources:VCPU": "1", "resources1:PCPU": "3"},
         Resources(vcpus=4, memory_mb=512, disk_gb=15)),
        ({"resources:CUSTOM_A": "many", "resources:NONE": "1", "resources:CUSTOM_B": "-1"},
         Resources(vcpus=2, memory_mb=512, disk_gb=15)),
    ],
)  # fmt: skip
def test_extra_specs_override_the_size(specs: dict[str, str], expected: Resources) -> None:
    """Nova's rules: 0 is an amount, groups add up, PCPU counts as VCPU; the rest is no amount."""
    assert resources_of(replace(SIZE, extra_specs=specs)) == expected


def test_what_boots_from_a_volume_takes_no_root_disk() -> None:
    """Ephemeral and swap still count; what an extra spec says of the disk holds either way."""
    volume = {"volume_id": "v", "boot_index": 0}
    booted = make_boot(flavor=SIZE, image_ref="", volumes=(volume,))
    assert booted.resources.disk_gb == 5
    assert make_boot(flavor=SIZE, volumes=(volume,)).resources.disk_gb == 15
    fixed = with_specs(resources__DISK_GB="7")
    assert make_boot(flavor=fixed, image_ref="", volumes=(volume,)).resources.disk_gb == 7


# ---------------------------------------------------------------------------------- scheduler


def table_of(*nodes: ComputeNode) -> HostTable:
    table = HostTable()
    table.load(nodes)
    return table


def card_node(name: str, used: int = 0, **more: object) -> ComputeNode:
    return make_node(
        name, inventories={"CUSTOM_CARD": inventory(**{"total": 8, **more})},
        resources_used={"CUSTOM_CARD": used} if used else {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("node", "passes"),
    [
        (card_node("n"), True),
        (card_node("n", total=2), True),
        (card_node("n", total=1), False),
        (card_node("n", used=6), True),
        (card_node("n", used=7), False),
        (card_node("n", used=6, reserved=1), False),
        (card_node("n", used=14, allocation_ratio=2.0), True),
        (card_node("n", used=15, allocation_ratio=2.0), False),
        (card_node("n", min_unit=2), True),
        (card_node("n", min_unit=3), False),
        (card_node("n", max_unit=1), False),
        (card_node("n", step_size=2), True),
        (card_node("n", step_size=4), False),
        (make_node("n"), False),
    ],
)
def test_a_custom_class_fits_as_placement_says(node: ComputeNode, passes: bool) -> None:
    """Total less reserve times ratio, and an amount between the units and in steps."""
    request = ScheduleRequest(boot=make_boot(flavor=CARD))
    table = table_of(make_node("other"), node)
    mask = filters.ResourceClassFilter().mask(table, request)
    assert mask.tolist() == [False, passes]


def test_the_reason_names_the_class_and_what_there_is_of_it() -> None:
    """Per class that does not fit: who has none, who does not give it so, who has none left."""
    table = table_of(
        card_node("full", used=7), card_node("fuller", used=8), card_node("odd", step_size=4),
        make_node("without"),
    )  # fmt: skip
    flavor = with_specs(resources__CUSTOM_CARD="2", resources__CUSTOM_KEY="1")
    scheduler = Scheduler([("ResourceClassFilter", filters.ResourceClassFilter())], [])
    decision = scheduler.decide(table, ScheduleRequest(boot=make_boot(flavor=flavor)), 1)
    assert decision.explain() == (
        "ResourceClassFilter refused the last 4 of 4 nodes: wants 2 CUSTOM_CARD; 1 node has none,"
        " 1 node has it, but not by 2 at once (min_unit, max_unit, step), 2 nodes have 0 to 1 left;"
        " wants 1 CUSTOM_KEY; 4 nodes have none."
    )


def test_a_decision_takes_its_classes_off_the_table() -> None:
    """Eight of a class hold four instances of two each; a decision undone gives them back."""
    scheduler = Scheduler([("ResourceClassFilter", filters.ResourceClassFilter())], [])
    table = table_of(card_node("n"))
    request = ScheduleRequest(boot=make_boot(flavor=CARD))
    with table.undone():
        assert len(scheduler.decide(table, request, 5).selections) == 4
    assert len(scheduler.decide(table, request, 5).selections) == 4
    assert np.array_equal(table.classes.free("CUSTOM_CARD"), [0])


@pytest.mark.parametrize(
    ("specs", "reason"),
    [
        ({"resources1:CUSTOM_CARD": "1"}, ""),
        ({"resources1:CUSTOM_CARD": "1", "resources2:CUSTOM_CARD": "1"},
         "resources of groups 1, 2 are wanted, and no group_policy is set"),
        ({"resources1:CUSTOM_CARD": "1", "resources2:CUSTOM_CARD": "1", "group_policy": "none"},
         ""),
        ({"resources1:CUSTOM_CARD": "1", "resources2:CUSTOM_CARD": "1",
          "group_policy": "isolate"},
         ("resources of groups 1, 2 are wanted of different providers (group_policy=isolate), and"
         " each node is one")),
    ],
)  # fmt: skip
def test_numbered_groups_are_of_one_node(specs: dict[str, str], reason: str) -> None:
    """They add up; where they must be of different providers no node will do, and it is said."""
    scheduler = Scheduler([("ResourceClassFilter", filters.ResourceClassFilter())], [])
    boot = make_boot(flavor=replace(SIZE, extra_specs=specs))
    decision = scheduler.decide(table_of(card_node("n")), ScheduleRequest(boot=boot), 1)
    assert [count.reason for count in decision.counts] == [reason]
    assert bool(decision.selections) == (not reason)


def test_traits_of_numbered_groups_are_the_nodes() -> None:
    """A group's provider is the node: so its traits are asked of that."""
    table = table_of(make_node("a", traits=("CUSTOM_A",)), make_node("b", traits=("CUSTOM_B",)))
    boot = make_boot(flavor=with_specs(trait1__CUSTOM_A="required", trait_x__CUSTOM_B="forbidden"))
    mask = image_filters.TraitsFilter().mask(table, ScheduleRequest(boot=boot))
    assert mask.tolist() == [True, False]


# ------------------------------------------------------------------------------------- claims


def report_cards(db: Database, total: int, *names: str) -> None:
    """Have the nodes report so many cards each."""
    own = {"CUSTOM_CARD": inventory(total=total)}
    hosts.report_nodes(db, [make_node(name, vcpus=1000, inventories=own) for name in names])


def claim_of(uuid: str, node: str = "host1", **amounts: int) -> Claim:
    return Claim(
        instance_uuid=uuid, host=node, node=node, vcpus=1, memory_mb=1, disk_gb=0,
        resources=amounts,
    )  # fmt: skip


def create(db: Database, context: RequestContext, boot: BootRequest) -> tuple[str, ...]:
    builds.create_instances(db, context, boot, UNLIMITED)
    return boot.instance_uuids


def used(db: Database, name: str = "host1") -> dict[str, int]:
    return next(one for one in hosts.list_nodes(db) if one.host == name).resources_used


def test_claims_never_over_allocate_a_class(db: Database, context: RequestContext) -> None:
    """Two and a half fit: two are claimed, and the third is as if it had not been asked for."""
    report_cards(db, 5, "host1")
    uuids = create(db, context, make_boot(3))
    answers = claims.claim_nodes(db, [claim_of(uuid, CUSTOM_CARD=2) for uuid in uuids])
    assert outcomes(answers) == [claims.CLAIMED, claims.CLAIMED, claims.FULL]
    assert used(db) == {"CUSTOM_CARD": 4}
    [node] = [one for one in hosts.list_nodes(db) if one.host == "host1"]
    assert (node.vcpus_used, node.instances) == (2, 2)


def test_what_is_reserved_is_never_claimed(db: Database, context: RequestContext) -> None:
    """Of four VCPUs one, and of 100 GiB ten, at a ratio of two: six VCPUs and 180 GiB are given."""
    node = make_node(
        "host1", reserved_vcpus=1, reserved_disk_gb=10, cpu_allocation_ratio=2.0,
        disk_allocation_ratio=2.0,
    )  # fmt: skip
    hosts.report_nodes(db, [node])
    uuids = create(db, context, make_boot(4))
    wanted = [
        replace(claim_of(uuid), vcpus=vcpus, disk_gb=disk_gb)
        for uuid, vcpus, disk_gb in zip(uuids, (5, 2, 1, 0), (100, 0, 80, 1), strict=True)
    ]
    answers = [outcomes(claims.claim_nodes(db, [one]))[0] for one in wanted]
    assert answers == [claims.CLAIMED, claims.FULL, claims.CLAIMED, claims.FULL]


def test_a_claim_needs_every_class(db: Database, context: RequestContext) -> None:
    """A class that the node has not, or not by such an amount, refuses all of the claim."""
    report_cards(db, 5, "host1")
    uuids = create(db, context, make_boot(2))
    answers = claims.claim_nodes(
        db,
        [claim_of(uuids[0], CUSTOM_CARD=1, CUSTOM_KEY=1), claim_of(uuids[1], CUSTOM_CARD=6)],
    )
    assert outcomes(answers) == [claims.FULL, claims.FULL]
    assert used(db) == {}


def test_a_class_goes_to_an_alternate_and_back(db: Database, context: RequestContext) -> None:
    """Full where it was chosen, it is taken of the alternate, and given back with the instance."""
    report_cards(db, 1, "host1", "host2")
    first, second = create(db, context, make_boot(2))
    claims.claim_nodes(db, [claim_of(first, CUSTOM_CARD=1)])
    wanted = claim_of(second, CUSTOM_CARD=1)
    wanted = replace(wanted, alternates=(Place(host="host2", node="host2"),))
    [answer] = claims.claim_nodes(db, [wanted])
    assert (answer.outcome, answer.node) == (claims.CLAIMED, "host2")
    assert (used(db), used(db, "host2")) == ({"CUSTOM_CARD": 1}, {"CUSTOM_CARD": 1})
    deletes.begin_delete(db, context, second)
    deletes.finish_delete(db, second)
    assert (used(db), used(db, "host2")) == ({"CUSTOM_CARD": 1}, {})


def cards_held(db: Database) -> dict[str, int]:
    with db.read() as connection:
        rows = connection.execute(schema.claims.select())
        return {row.instance_uuid: row.resources["CUSTOM_CARD"] for row in rows}


def race_for_cards(db: Database, context: RequestContext) -> None:
    """Have eight claim at once, of whom half give back, then all who got none once more."""
    report_cards(db, 20, "host1")
    uuids = create(db, context, make_boot(48))
    parts = [uuids[start::8] for start in range(8)]
    answers: list[str] = []
    begin = threading.Barrier(len(parts))

    def claim(own: tuple[str, ...], gives_back: bool) -> None:
        begin.wait()
        for uuid in own:
            answers.extend(outcomes(claims.claim_nodes(db, [claim_of(uuid, CUSTOM_CARD=3)])))
            if gives_back:
                deletes.begin_delete(db, context, uuid)

    threads = [
        threading.Thread(target=claim, args=(own, number % 2 == 0))
        for number, own in enumerate(parts)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(answers) == len(uuids)
    held = cards_held(db)
    assert used(db).get("CUSTOM_CARD", 0) == sum(held.values()) <= 20
    claims.claim_nodes(db, [claim_of(uuid, CUSTOM_CARD=3) for uuid in uuids if uuid not in held])
    assert sorted(cards_held(db).values()) == [3] * 6
    assert used(db) == {"CUSTOM_CARD": 18}


def test_a_race_for_the_last_of_a_class_has_as_many_winners_as_fit(
    db: Database, context: RequestContext
) -> None:
    """Claimed and given back by eight at once: none is given away twice, and none is lost."""
    race_for_cards(db, context)


def test_what_is_reported_later_is_seen_by_the_scheduler(
    db: Database, context: RequestContext
) -> None:
    """A class that an operator adds comes with the next refresh, and so do claims on it."""
    table = HostTable()
    table.refresh(db, down_time_s=60)
    assert not table.classes.there("CUSTOM_CARD").any()
    report_cards(db, 5, "host2")
    [uuid] = create(db, context, make_boot())
    claims.claim_nodes(db, [claim_of(uuid, "host2", CUSTOM_CARD=2)])
    table.refresh(db, down_time_s=60)
    free = dict(zip(table.nodes, table.classes.free("CUSTOM_CARD").tolist(), strict=True))
    assert free == {"host1": 0, "host2": 3, "host3": 0}


# ---------------------------------------------------------------------------------------- api


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("resources:CUSTOM_A", "1", None),
        ("resources:VCPU", "0", None),
        ("resources1:VGPU", "2", None),
        ("trait_group:CUSTOM_A", "required", None),
        ("trait:HW_CPU_X86_AVX", "forbidden", None),
        ("group_policy", "isolate", None),
        ("anything:else", "x", None),
        ("resources:CUSTOM_A", "x", "Validation failed; 'x' is not a valid integer value."),
        ("resources:CUSTOM_a", "1",
         ("Validation failed; extra spec 'resources:CUSTOM_a' does not appear to be a valid extra"
         " spec.")),
        ("trait:NO_SUCH", "required",
         "Validation failed; extra spec 'trait:NO_SUCH' does not appear to be a valid extra spec."),
        ("trait:CUSTOM_A", "wanted", ("Validation failed; 'wanted' is not one of: required,"
         " forbidden.")),
        ("group_policy", "any", "Validation failed; 'any' is not one of: none, isolate."),
    ],
)  # fmt: skip
def test_extra_specs_are_checked_in_novas_words(name: str, value: str, message: str | None) -> None:
    """Resources, traits and the group policy; what is in no namespace of theirs is left alone."""
    if message is None:
        check_extra_specs({name: value})
        return
    with pytest.raises(Invalid) as caught:
        check_extra_specs({name: value})
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "value"), [("resources:CUSTOM_A", "-1"), ("resources:A", "1"), ("resources3:VCPU", "")]
)
def test_no_server_has_resources_that_make_no_sense(name: str, value: str) -> None:
    """A flavor that was given them before they were checked is refused when it is used."""
    check_resources({"resources:CUSTOM_A": "1", "other": "x"})
    with pytest.raises(Invalid):
        check_resources({name: value})
