"""The invariants: each a function of a snapshot that yields what violates it.

An instance that something is under way on is judged by `in-transit` alone: its claim, ports and
domain come and go with the operation. Books (used, quotas) must be right at every moment.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from devstack_lite.invariants.cells import find_wrong_cells
from devstack_lite.invariants.snapshot import InstanceFact, Snapshot
from devstack_lite.states import GUEST_RUNS, PowerState, VmState, is_counted

COMPUTE = "compute:"
"""What the device_owner of an instance's port begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What does not hold, and of whom."""

    rule: str
    message: str
    ids: tuple[str, ...]


Found = Iterator[tuple[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One invariant."""

    name: str
    sentence: str
    find: Callable[[Snapshot, float], Found]


RULES: dict[str, Rule] = {}


def rule(
    name: str, sentence: str
) -> Callable[[Callable[[Snapshot, float], Found]], Callable[[Snapshot, float], Found]]:
    """Register an invariant: its name, and what holds in one sentence."""

    def register(find: Callable[[Snapshot, float], Found]) -> Callable[[Snapshot, float], Found]:
        RULES[name] = Rule(name=name, sentence=sentence, find=find)
        return find

    return register


def find_violations(snapshot: Snapshot, *, bound_s: float) -> list[Violation]:
    """Return all violations, in the order of the rules.

    bound_s: for how many seconds an operation may be under way.
    """
    return [
        Violation(rule=one.name, message=message, ids=ids)
        for one in RULES.values()
        for message, ids in one.find(snapshot, bound_s)
    ]


def _built(snapshot: Snapshot) -> Iterator[InstanceFact]:
    return (one for one in snapshot.instances if one.is_built)


def _exists(snapshot: Snapshot) -> dict[str, InstanceFact]:
    return {one.uuid: one for one in snapshot.instances}


# --------------------------------------------------------------------------------- operations


@rule("in-transit", "No instance is under way for longer than its bound, its host being up.")
def _in_transit(snapshot: Snapshot, bound_s: float) -> Found:
    oldest = snapshot.taken_at - datetime.timedelta(seconds=bound_s)
    for one in snapshot.instances:
        if one.host is not None and one.host not in snapshot.hosts_up:
            continue  # It waits for its host, or for an evacuation.
        if one.task_state is not None and (one.since is None or one.since < oldest):
            yield f"{one.task_state} since {one.since}, {one.owner or 'nobody'} has it", (one.uuid,)


@rule("device-change", "No device comes or goes for longer than the bound, nor without instance.")
def _device_change(snapshot: Snapshot, bound_s: float) -> Found:
    oldest = snapshot.taken_at - datetime.timedelta(seconds=bound_s)
    exists = _exists(snapshot)
    for change in snapshot.changes:
        one, ids = exists.get(change.instance_uuid), (change.device_id, change.instance_uuid)
        if one is None:
            yield f"{change.kind} of an instance that is gone", ids
        elif one.host in snapshot.hosts_up and change.since < oldest:
            yield f"{change.kind} since {change.since}, {change.owner or 'nobody'} has it", ids


def _changing(snapshot: Snapshot) -> set[tuple[str, str]]:
    """Return instances and devices that come or go: neither has them nor has them not."""
    return {(change.instance_uuid, change.device_id) for change in snapshot.changes}


@rule("ended", "An instance on which nothing is under way is built or in ERROR, and nobody's.")
def _ended(snapshot: Snapshot, _bound_s: float) -> Found:
    for one in snapshot.instances:
        if one.task_state is not None:
            continue
        if one.vm_state is VmState.BUILDING:
            yield "is in BUILD, and nobody builds it", (one.uuid,)
        elif one.owner is not None or one.has_operation:
            yield f"is still in the hand of {one.owner or 'an operation'}", (one.uuid,)


@rule("accepted", "Each request that was accepted has its instance.")
def _accepted(snapshot: Snapshot, _bound_s: float) -> Found:
    known = _exists(snapshot).keys() | snapshot.deleted
    for action in snapshot.actions:
        if action.instance_uuid not in known:
            yield (
                f"{action.action} was accepted for an instance that never was",
                (action.request_id, action.instance_uuid),
            )


# ------------------------------------------------------------------------------------ domains


@rule(
    "one-domain",
    "Each built instance has one domain, on its node; a resized one also where it came from.",
)
def _one_domain(snapshot: Snapshot, _bound_s: float) -> Found:
    places = defaultdict(list)
    for domain in snapshot.domains:
        places[domain.uuid].append((domain.host, domain.node))
    kept = _kept(snapshot)
    for one in _built(snapshot):
        # A host that is down cannot remove what was evacuated from it; it does when it is back.
        found = [
            (host, node)
            for host, node in places[one.uuid]
            if (host == one.host or host in snapshot.hosts_up)
            and (one.uuid, host, node) not in kept
        ]
        if found == [(one.host, one.node)] or (not found and one.host not in snapshot.hosts_read):
            continue
        where = ", ".join(f"{node} of {host}" for host, node in found) or "no node"
        yield f"should be on {one.node} of {one.host}, and is on {where}", (one.uuid,)


def _kept(snapshot: Snapshot) -> set[tuple[str, str, str]]:
    """Return instance, host and node of the places that resized instances came from."""
    exists = _exists(snapshot)
    return {
        (claim.instance_uuid, claim.host, claim.node)
        for claim in snapshot.claims
        if (one := exists.get(claim.instance_uuid)) is not None
        and one.vm_state is VmState.RESIZED
        and claim.node != one.node
    }


@rule("kept-guest", "Until a resize is confirmed its old guest is there, and off.")
def _kept_guest(snapshot: Snapshot, _bound_s: float) -> Found:
    exists = _exists(snapshot)
    found = {(domain.uuid, domain.host, domain.node): domain for domain in snapshot.domains}
    for uuid, host, node in _kept(snapshot):
        if not exists[uuid].is_built or host not in snapshot.hosts_read:
            continue
        domain = found.get((uuid, host, node))
        if domain is None:
            yield f"has no guest on {node} to go back to", (uuid,)
        elif domain.power_state is PowerState.RUNNING:
            yield f"runs on {node}, and on the node it went to", (uuid,)


@rule("domain-owner", "No domain is without its instance.")
def _domain_owner(snapshot: Snapshot, _bound_s: float) -> Found:
    exists = _exists(snapshot)
    for domain in snapshot.domains:
        # A host that is down cannot remove what it has; it does when it comes back.
        if domain.uuid not in exists and domain.host in snapshot.hosts_up:
            yield f"is a domain on {domain.node} that nobody owns", (domain.uuid,)


@rule("power", "What the hypervisor says of power is what the instance says.")
def _power(snapshot: Snapshot, _bound_s: float) -> Found:
    exists = _exists(snapshot)
    for domain in snapshot.domains:
        one = exists.get(domain.uuid)
        if one is None or not one.is_built or one.host not in snapshot.hosts_up:
            continue
        if one.vm_state is VmState.RESCUED:
            continue  # It says nothing of power.
        runs = domain.power_state is PowerState.RUNNING
        should = one.vm_state in GUEST_RUNS or (
            one.vm_state is VmState.RESIZED and one.power_state is PowerState.RUNNING
        )
        if domain.node == one.node and runs != should:
            yield f"is {one.vm_state}, and its domain is {domain.power_state.name}", (one.uuid,)


# ------------------------------------------------------------------------------------- claims


@rule(
    "one-claim",
    "Each built instance has one claim, on its node and of its flavor's size; a resized one has a"
    " second one where it came from.",
)
def _one_claim(snapshot: Snapshot, _bound_s: float) -> Found:
    claims = defaultdict(list)
    for claim in snapshot.claims:
        claims[claim.instance_uuid].append(claim)
    for one in _built(snapshot):
        if not claims[one.uuid]:
            yield f"has no claim on {one.node}", (one.uuid,)
            continue
        own = [claim for claim in claims[one.uuid] if claim.node == one.node]
        claim, *more = own + [claim for claim in claims[one.uuid] if claim.node != one.node]
        if len(more) != (one.vm_state is VmState.RESIZED):
            nodes = ", ".join(held.node for held in claims[one.uuid])
            yield f"is on {one.node}, and claims {nodes}", (one.uuid,)
        elif (claim.host, claim.node) != (one.host, one.node):
            yield f"is on {one.node}, and its claim on {claim.node}", (one.uuid,)
        elif claim.size != one.takes:
            yield "claims another size than its flavor's", (one.uuid,)


@rule("claim-owner", "No claim is without its instance, and none is held by one that has no host.")
def _claim_owner(snapshot: Snapshot, _bound_s: float) -> Found:
    exists = _exists(snapshot)
    for claim in snapshot.claims:
        one = exists.get(claim.instance_uuid)
        if one is None:
            yield f"a claim on {claim.node} for an instance that is gone", (claim.instance_uuid,)
        elif one.task_state is None and one.host is None:
            yield f"a claim on {claim.node} for an instance without host", (claim.instance_uuid,)


@rule("pci-devices", "Each claim has as many PCI devices of its node as it wants, no one else any.")
def _pci_devices(snapshot: Snapshot, _bound_s: float) -> Found:
    held = Counter((one.instance_uuid, one.node) for one in snapshot.pci_devices)
    for claim in snapshot.claims:
        count = held.pop((claim.instance_uuid, claim.node), 0)
        if count != claim.pci_devices:
            yield (
                f"has {count} devices of {claim.node}, not {claim.pci_devices}",
                (claim.instance_uuid,),
            )
    for (uuid, node), count in held.items():
        yield f"has {count} devices of {node} without a claim there", (uuid,)


@rule("used", "What is used of a node is the sum of the claims on it.")
def _used(snapshot: Snapshot, _bound_s: float) -> Found:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for claim in snapshot.claims:
        sums[claim.node].update(
            vcpus=claim.vcpus,
            memory_mb=claim.memory_mb,
            disk_gb=claim.disk_gb,
            instances=1,
            io_ops=int(claim.is_building),
            **claim.resources,
        )
    for node in snapshot.nodes:
        yield from _compare(node.used, sums[node.node], "claimed", node.node)
    for name in sums.keys() - {node.node for node in snapshot.nodes}:
        yield "claims on a node that is not there", (name,)


@rule("numa", "What is taken of a node's NUMA cells is what its claims have, no CPU of them twice.")
def _numa(snapshot: Snapshot, _bound_s: float) -> Found:
    return find_wrong_cells(snapshot)


def _compare(used: dict[str, int], counted: Counter[str], word: str, whose: str) -> Found:
    wrong = [
        f"{used.get(resource, 0)} {resource} used, and {counted[resource]} {word}"
        for resource in dict.fromkeys((*used, *counted))
        if used.get(resource, 0) != counted[resource]
    ]
    if wrong:
        yield ", ".join(wrong), (whose,)


@rule("capacity", "No node gives away more than it has, by its allocation ratios.")
def _capacity(snapshot: Snapshot, _bound_s: float) -> Found:
    for node in snapshot.nodes:
        over = [
            f"{node.used[resource]} {resource} used of {limit:g}"
            for resource, limit in node.limits.items()
            if node.used[resource] > limit
        ]
        if over:
            yield ", ".join(over), (node.node,)


@rule("quota", "What a project's quota counts are its instances, but for the soft-deleted.")
def _quota(snapshot: Snapshot, _bound_s: float) -> Found:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for one in snapshot.instances:
        if not is_counted(one.vm_state, one.task_state):
            continue
        counted[one.project_id].update(instances=1, **one.counted)
    for project in counted.keys() | snapshot.quotas.keys():
        kept = snapshot.quotas.get(project, {})
        used = {resource: kept.get(resource, 0) for resource in ("instances", "cores", "ram")}
        yield from _compare(used, counted[project], "there", project)


# ------------------------------------------------------------------------------------ network


@rule("ports", "Each built instance has the ports that it shows, bound to it and its host.")
def _ports(snapshot: Snapshot, _bound_s: float) -> Found:
    ports = {port.id: port for port in snapshot.ports}
    addresses = defaultdict(set)
    for allocation in snapshot.addresses:
        addresses[allocation.port_id].add(allocation.address)
    changing = _changing(snapshot)
    for one in _built(snapshot):
        for port_id, shown in one.ports:
            port = ports.get(port_id)
            if (one.uuid, port_id) in changing:
                continue
            if port is None:
                yield "shows a port that is gone", (one.uuid, port_id)
            elif (port.device_id, port.host) != (one.uuid, one.host):
                yield f"shows a port bound to {port.device_id} on {port.host}", (one.uuid, port_id)
            elif not set(shown) <= addresses[port_id]:
                yield "shows addresses that its port does not have", (one.uuid, port_id)


@rule("port-owner", "No port of an instance is without it, or without being shown by it.")
def _port_owner(snapshot: Snapshot, _bound_s: float) -> Found:
    exists, changing = _exists(snapshot), _changing(snapshot)
    for port in snapshot.ports:
        if not port.device_owner.startswith(COMPUTE) or (port.device_id, port.id) in changing:
            continue
        one = exists.get(port.device_id)
        if one is None:
            yield "a port of an instance that is gone", (port.id, port.device_id)
        elif one.is_built and port.id not in {port_id for port_id, _ in one.ports}:
            yield "a port that its instance does not show", (port.id, one.uuid)


@rule("addresses", "Each address is one port's, and no address outlives its port.")
def _addresses(snapshot: Snapshot, _bound_s: float) -> Found:
    ports = {port.id for port in snapshot.ports}
    holders = defaultdict(set)
    for allocation in snapshot.addresses:
        holders[allocation.network_id, allocation.address].add(allocation.port_id)
        if allocation.port_id not in ports:
            yield f"{allocation.address} belongs to a port that is gone", (allocation.port_id,)
    for (_network, address), ids in holders.items():
        if len(ids) > 1:
            yield f"{address} belongs to {len(ids)} ports", tuple(sorted(ids))


@rule("floating-ips", "Each floating IP has its own address, and stands for one that a port has.")
def _floating_ips(snapshot: Snapshot, _bound_s: float) -> Found:
    held = {(one.port_id, one.address) for one in snapshot.addresses}
    for one in snapshot.floating_ips:
        if (one.own_port_id, one.own_address) not in held:
            yield f"{one.own_address} is not held for it", (one.id,)
        if one.port_id is not None and (one.port_id, one.address) not in held:
            yield f"stands for {one.address}, which its port does not have", (one.id, one.port_id)


# --------------------------------------------------------------------------- volumes, images


@rule("attachment-owner", "No attachment is without its instance and its volume.")
def _attachment_owner(snapshot: Snapshot, _bound_s: float) -> Found:
    exists = _exists(snapshot)
    volumes = {volume.id for volume in snapshot.volumes}
    for one in snapshot.attachments:
        if one.instance_uuid not in exists:
            yield "an attachment to an instance that is gone", (one.id, one.instance_uuid)
        if one.volume_id not in volumes:
            yield "an attachment of a volume that is gone", (one.id, one.volume_id)


@rule("volume-status", "A volume is in-use while it is attached, and only then.")
def _volume_status(snapshot: Snapshot, _bound_s: float) -> Found:
    attached = Counter(one.volume_id for one in snapshot.attachments if one.status == "attached")
    held = Counter(one.volume_id for one in snapshot.attachments)
    for volume in snapshot.volumes:
        if volume.status == "in-use" and not attached[volume.id]:
            yield "in-use, and not attached", (volume.id,)
        elif volume.status == "available" and held[volume.id]:
            yield "available, and attached", (volume.id,)


@rule("image-data", "An active image has its data.")
def _image_data(snapshot: Snapshot, _bound_s: float) -> Found:
    for image in snapshot.images:
        if image.status == "active" and image.stored_size != image.size:
            yield f"{image.stored_size} bytes stored of {image.size}", (image.id,)


@rule("snapshots", "An image that a snapshot has recorded is being filled, or gone.")
def _snapshots(snapshot: Snapshot, _bound_s: float) -> Found:
    for image in snapshot.images:
        if image.is_abandoned:
            yield f"is {image.status}, and no operation brings it data", (image.id,)
