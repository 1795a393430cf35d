"""The checker sees each kind of breakage, and nothing in what is whole."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest

from devstack_lite.invariants.check import Report
from devstack_lite.invariants.rules import RULES, Violation, find_violations
from devstack_lite.invariants.snapshot import (
    ActionFact,
    AddressFact,
    AttachmentFact,
    ChangeFact,
    ClaimFact,
    DomainFact,
    FloatingIpFact,
    ImageFact,
    InstanceFact,
    NodeFact,
    PciDeviceFact,
    PortFact,
    Snapshot,
    VolumeFact,
)
from devstack_lite.invariants.verdict import Verdict
from devstack_lite.objects.resources import Resources
from devstack_lite.states import PowerState, TaskState, VmState

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
BOUND_S = 60.0
VM = InstanceFact(
    uuid="vm", project_id="p", vm_state=VmState.ACTIVE, vcpus=2, memory_mb=512,
    takes=Resources(vcpus=2, memory_mb=512, disk_gb=1), power_state=PowerState.RUNNING,
    host="host1", node="node1", since=NOW,
    ports=(("port", ("10.0.0.2",)),),
)  # fmt: skip
CLAIM = ClaimFact(instance_uuid="vm", host="host1", node="node1", vcpus=2, memory_mb=512, disk_gb=1)
DOMAIN = DomainFact(uuid="vm", host="host1", node="node1")
PORT = PortFact(id="port", device_id="vm", device_owner="compute:nova", host="host1")
ADDRESS = AddressFact(network_id="net", address="10.0.0.2", port_id="port")
OUTSIDE = AddressFact(network_id="public", address="172.24.4.9", port_id="outside")
FLOATING = FloatingIpFact(
    id="fip", own_port_id="outside", own_address="172.24.4.9", port_id="port", address="10.0.0.2"
)
NODE = NodeFact(
    node="node1",
    limits={"vcpus": 4.0, "memory_mb": 1024.0, "disk_gb": 10.0},
    used={"vcpus": 2, "memory_mb": 512, "disk_gb": 1, "instances": 1, "io_ops": 0},
)
GPU = PciDeviceFact(node="node1", address="0000:3b:00.0", instance_uuid="vm")
QUOTA = {"instances": 1, "cores": 2, "ram": 512}
CHANGE = ChangeFact(
    instance_uuid="vm", device_id="vol", kind="attach_volume", owner=None, since=NOW
)
ATTACHED = AttachmentFact(id="at", volume_id="vol", instance_uuid="vm", status="attached")
WHOLE = Snapshot(
    taken_at=NOW,
    instances=(VM,),
    deleted=frozenset({"old"}),
    claims=(CLAIM,),
    nodes=(NODE,),
    domains=(DOMAIN,),
    hosts_read=frozenset({"host1"}),
    hosts_up=frozenset({"host1"}),
    ports=(
        PORT,
        PortFact(id="router", device_id="r1", device_owner="network:router_interface"),
    ),
    addresses=(ADDRESS,),
    volumes=(VolumeFact(id="vol", status="in-use"), VolumeFact(id="free", status="available")),
    attachments=(ATTACHED,),
    images=(ImageFact(id="image", status="active", size=3, stored_size=3),),
    actions=tuple(
        ActionFact(instance_uuid=uuid, action="create", request_id=f"req-{uuid}")
        for uuid in ("vm", "old")
    ),
    quotas={"p": QUOTA},
)
FLOATED = replace(
    WHOLE,
    ports=(
        *WHOLE.ports,
        PortFact(id="outside", device_id="fip", device_owner="network:floatingip"),
    ),
    addresses=(ADDRESS, OUTSIDE),
    floating_ips=(FLOATING,),
)
LATE = NOW - datetime.timedelta(seconds=BOUND_S + 1)
BUILDING = replace(
    VM, vm_state=VmState.BUILDING, task_state=TaskState.SPAWNING, owner="host1/1/9",
    has_operation=True, ports=(),
)  # fmt: skip


def with_vm(**change: Any) -> Snapshot:
    return replace(WHOLE, instances=(replace(VM, **change),))


def with_node(**used: int) -> Snapshot:
    return replace(WHOLE, nodes=(replace(NODE, used={**NODE.used, **used}),))


OLD_DOMAIN = replace(DOMAIN, node="node0", power_state=PowerState.SHUTDOWN)
RESIZED = replace(
    with_vm(vm_state=VmState.RESIZED), domains=(DOMAIN, OLD_DOMAIN),
    nodes=(NODE, replace(NODE, node="node0")), claims=(replace(CLAIM, node="node0"), CLAIM),
)  # fmt: skip


# The rule that must see it, the ids it must name, and what is broken.
BROKEN: list[tuple[str, tuple[str, ...], Snapshot]] = [
    ("in-transit", ("vm",), replace(WHOLE, instances=(replace(BUILDING, since=LATE),))),
    ("in-transit", ("vm",), with_vm(task_state=TaskState.DELETING, since=LATE)),
    ("in-transit", ("vm",), with_vm(task_state=TaskState.REBOOTING, since=None)),
    ("device-change", ("vol", "vm"), replace(WHOLE, changes=(replace(CHANGE, since=LATE),))),
    ("device-change", ("vol", "old"), replace(WHOLE, changes=(
        replace(CHANGE, instance_uuid="old"),))),
    ("ended", ("vm",), with_vm(vm_state=VmState.BUILDING)),
    ("ended", ("vm",), with_vm(owner="host1/1/9")),
    ("ended", ("vm",), with_vm(has_operation=True)),
    ("pci-devices", ("vm",), replace(WHOLE, claims=(replace(CLAIM, pci_devices=1),))),
    ("pci-devices", ("vm",), replace(WHOLE, pci_devices=(GPU,))),
    ("pci-devices", ("old",), replace(WHOLE, pci_devices=(replace(GPU, instance_uuid="old"),))),
    ("accepted", ("req-x", "lost"), replace(WHOLE, actions=(
        ActionFact(instance_uuid="lost", action="create", request_id="req-x"),))),
    ("one-domain", ("vm",), replace(WHOLE, domains=())),
    ("one-domain", ("vm",), replace(
        WHOLE, hosts_up=frozenset({"host1", "host2"}),
        domains=(DOMAIN, replace(DOMAIN, host="host2")))),
    ("one-domain", ("vm",), replace(WHOLE, domains=(replace(DOMAIN, node="node2"),))),
    ("one-domain", ("vm",), replace(RESIZED, domains=(OLD_DOMAIN,))),
    ("kept-guest", ("vm",), replace(RESIZED, domains=(DOMAIN,))),
    ("kept-guest", ("vm",), replace(RESIZED, domains=(DOMAIN, replace(
        OLD_DOMAIN, power_state=PowerState.RUNNING)))),
    ("one-claim", ("vm",), replace(RESIZED, claims=(CLAIM,), nodes=(NODE,), domains=(DOMAIN,))),
    ("power", ("vm",), replace(RESIZED, domains=(
        replace(DOMAIN, power_state=PowerState.SHUTDOWN), OLD_DOMAIN))),
    ("domain-owner", ("stray",), replace(WHOLE, domains=(DOMAIN, replace(DOMAIN, uuid="stray")))),
    ("domain-owner", ("old",), replace(WHOLE, domains=(DOMAIN, replace(DOMAIN, uuid="old")))),
    ("power", ("vm",), with_vm(vm_state=VmState.STOPPED)),
    ("power", ("vm",), replace(WHOLE, domains=(
        replace(DOMAIN, power_state=PowerState.SHUTDOWN),))),
    ("one-claim", ("vm",), replace(WHOLE, claims=())),
    ("one-claim", ("vm",), replace(WHOLE, claims=(replace(CLAIM, node="node2"),))),
    ("one-claim", ("vm",), replace(with_node(vcpus=1), claims=(replace(CLAIM, vcpus=1),))),
    ("one-claim", ("vm",), replace(WHOLE, claims=(CLAIM, replace(CLAIM, node="node2")))),
    ("one-claim", ("vm",), replace(WHOLE, claims=(replace(CLAIM, resources={"CUSTOM_A": 1}),))),
    ("used", ("node1",), replace(WHOLE, claims=(replace(CLAIM, resources={"CUSTOM_A": 1}),))),
    ("used", ("node1",), with_node(CUSTOM_A=1)),
    ("claim-owner", ("old",), replace(WHOLE, claims=(CLAIM, replace(CLAIM, instance_uuid="old")))),
    ("claim-owner", ("vm",), with_vm(vm_state=VmState.ERROR, host=None, node=None)),
    ("used", ("node1",), with_node(vcpus=3)),
    ("used", ("node1",), with_node(memory_mb=0)),
    ("used", ("node1",), with_node(disk_gb=2)),
    ("used", ("node1",), with_node(instances=0)),
    ("used", ("node1",), with_node(io_ops=1)),
    ("numa", ("node1",), replace(WHOLE, nodes=(replace(NODE, numa_used="{}"),))),
    ("used", ("gone",), replace(WHOLE, claims=(CLAIM, replace(CLAIM, node="gone")))),
    ("capacity", ("node1",), replace(WHOLE, nodes=(
        replace(NODE, limits={**NODE.limits, "vcpus": 1.5}),))),
    ("quota", ("p",), replace(WHOLE, quotas={})),
    ("quota", ("p",), replace(WHOLE, quotas={"p": {**QUOTA, "ram": 513}})),
    ("quota", ("q",), replace(WHOLE, quotas={"p": QUOTA, "q": QUOTA})),
    ("quota", ("p",), with_vm(vm_state=VmState.SOFT_DELETED)),
    ("ports", ("vm", "port"), replace(WHOLE, ports=())),
    ("ports", ("vm", "port"), replace(WHOLE, ports=(replace(PORT, device_id="other"),))),
    ("ports", ("vm", "port"), replace(WHOLE, ports=(replace(PORT, host="host2"),))),
    ("ports", ("vm", "port"), replace(WHOLE, addresses=())),
    ("port-owner", ("p2", "old"), replace(WHOLE, ports=(
        PORT, replace(PORT, id="p2", device_id="old")))),
    ("port-owner", ("p2", "vm"), replace(WHOLE, ports=(PORT, replace(PORT, id="p2")))),
    ("addresses", ("p9",), replace(WHOLE, addresses=(
        ADDRESS, replace(ADDRESS, address="10.0.0.9", port_id="p9")))),
    ("addresses", ("port", "router"), replace(WHOLE, addresses=(
        ADDRESS, replace(ADDRESS, port_id="router")))),
    ("floating-ips", ("fip",), replace(FLOATED, addresses=(ADDRESS,))),
    ("floating-ips", ("fip", "router"), replace(FLOATED, floating_ips=(
        replace(FLOATING, port_id="router"),))),
    ("attachment-owner", ("at", "old"), replace(WHOLE, attachments=(
        replace(ATTACHED, instance_uuid="old"),))),
    ("attachment-owner", ("at", "vol"), replace(WHOLE, volumes=())),
    ("volume-status", ("vol",), replace(WHOLE, attachments=())),
    ("volume-status", ("vol",), replace(WHOLE, volumes=(
        VolumeFact(id="vol", status="available"),))),
    ("image-data", ("image",), replace(WHOLE, images=(
        ImageFact(id="image", status="active", size=3, stored_size=None),))),
    ("snapshots", ("i",), replace(WHOLE, images=(
        ImageFact(id="i", status="queued", size=None, stored_size=None, is_abandoned=True),))),
]  # fmt: skip

# Nothing of this is a violation.
FINE: dict[str, Snapshot] = {
    "whole": WHOLE,
    "a floating IP": FLOATED,
    "a PCI device": replace(WHOLE, claims=(replace(CLAIM, pci_devices=1),), pci_devices=(GPU,)),
    "empty": Snapshot(taken_at=NOW),
    "a build under way": replace(
        WHOLE, instances=(BUILDING,), domains=(), ports=(), addresses=(), attachments=(),
        volumes=(), nodes=(replace(NODE, used={**NODE.used, "io_ops": 1}),),
        claims=(replace(CLAIM, is_building=True),),
    ),
    "a resize that is not confirmed": RESIZED,
    "a resize under way": replace(
        with_vm(task_state=TaskState.RESIZE_PREP, wanted=(4, 1024)),
        quotas={"p": {"instances": 1, "cores": 4, "ram": 1024}},
    ),
    "a host that is down keeps what it had": replace(
        WHOLE, hosts_up=frozenset(), domains=(DOMAIN, replace(DOMAIN, uuid="old"))
    ),
    "guests of a host without power": replace(
        WHOLE, hosts_up=frozenset(), domains=(replace(DOMAIN, power_state=PowerState.SHUTDOWN),)
    ),
    "a hypervisor that was not read": replace(WHOLE, hosts_read=frozenset(), domains=()),
    "an image without data yet": replace(
        WHOLE, images=(ImageFact(id="i", status="queued", size=None, stored_size=None),)
    ),
}  # fmt: skip


def rules_broken(snapshot: Snapshot) -> list[Violation]:
    return find_violations(snapshot, bound_s=BOUND_S)


@pytest.mark.parametrize("name", FINE)
def test_what_is_whole_violates_nothing(name: str) -> None:
    assert rules_broken(FINE[name]) == []


@pytest.mark.parametrize(
    ("rule", "ids", "snapshot"), BROKEN, ids=[f"{rule}-{n}" for n, (rule, *_) in enumerate(BROKEN)]
)
def test_each_breakage_is_seen(rule: str, ids: tuple[str, ...], snapshot: Snapshot) -> None:
    """The rule that is there for it names what is broken, and says how."""
    found = [one for one in rules_broken(snapshot) if one.rule == rule]
    assert [one.ids for one in found] == [ids]
    assert all(one.message for one in found)


def test_every_rule_was_seen_to_fail() -> None:
    """A rule that cannot fail is worth nothing."""
    assert {rule for rule, _, _ in BROKEN} == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_no_breakage_is_seen_without_its_rule(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least one breakage of each rule is seen by that rule alone."""
    monkeypatch.delitem(RULES, rule)
    assert any(rules_broken(snapshot) == [] for name, _, snapshot in BROKEN if name == rule)


@pytest.mark.parametrize(
    ("violations", "unread", "verdict", "code"),
    [
        ((), (), Verdict.VALID, 0),
        ((), ("the hypervisor of host1",), Verdict.UNKNOWN, 2),
        ((Violation(rule="used", message="m", ids=("n",)),), ("host1",), Verdict.INVALID, 1),
    ],
)
def test_the_verdict_is_the_worst_that_is_known(
    violations: tuple[Violation, ...], unread: tuple[str, ...], verdict: Verdict, code: int
) -> None:
    report = Report(violations=violations, unread=unread)
    assert (report.verdict, report.verdict.exit_code) == (verdict, code)


def test_a_port_that_comes_or_goes_is_not_judged() -> None:
    """Neither one that is bound and not shown yet, nor one that is shown and unbound already."""
    coming = replace(PORT, id="p2")
    changes = tuple(replace(CHANGE, device_id=name) for name in ("port", "p2"))
    snapshot = replace(WHOLE, ports=(coming,), addresses=(), changes=changes)
    assert find_violations(snapshot, bound_s=BOUND_S) == []
