"""A running guest's way from one node to another, in the same store or in two.

A process may be killed at any point: the guest is then on its old node, or on its new one, or,
between two commits, paused on the old and running on the new; never on none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fake_hypervisor import constants as c
from fake_hypervisor.definition import parse_definition
from fake_hypervisor.errors import error, unsupported_flags
from fake_hypervisor.hypervisor import Hypervisor, selectors_of
from fake_hypervisor.operations import NOT_RUNNING
from fake_hypervisor.store import DomainRow

ABORT = "abort"
POSTCOPY = "postcopy"
LOOK_S = 0.05
"""Seconds between two looks at what is wished of a migration."""

_FLAGS = (
    c.VIR_MIGRATE_LIVE
    | c.VIR_MIGRATE_PEER2PEER
    | c.VIR_MIGRATE_PERSIST_DEST
    | c.VIR_MIGRATE_UNDEFINE_SOURCE
    | c.VIR_MIGRATE_NON_SHARED_DISK
    | c.VIR_MIGRATE_NON_SHARED_INC
    | c.VIR_MIGRATE_POSTCOPY
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node and the rules of its store."""

    hypervisor: Hypervisor
    node: str


@dataclass(frozen=True, slots=True)
class Documents:
    """What the guest is where it arrives, and when it starts there again; None: what it is."""

    live: str | None = None
    persistent: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, object]) -> Documents:
        """Return those among a call's parameters. Raises libvirtError for what is no domain."""
        named = (c.VIR_MIGRATE_PARAM_DEST_XML, c.VIR_MIGRATE_PARAM_PERSIST_XML)
        texts = [params.get(name) for name in named]
        return cls(*(None if text is None else parse_definition(str(text)).xml for text in texts))


def migrate(
    source: Place, target: Place, uuid: str, name: str, flags: int, documents: Documents
) -> None:
    """Have the guest run on target, its definition with it as flags say.

    Raises VIR_ERR_OPERATION_INVALID for a guest that does not run, VIR_ERR_OPERATION_ABORTED for
    a job that was aborted; the guest goes on where it was then.
    """
    if flags & ~_FLAGS:
        raise unsupported_flags(flags & ~_FLAGS, "virDomainMigrateToURI3")
    row = source.hypervisor.require(source.node, uuid, name)
    if not row.is_active:
        raise error(c.VIR_ERR_OPERATION_INVALID, NOT_RUNNING)
    store = source.hypervisor.store
    store.begin_job(source.node, uuid, row.memory_kib)
    try:
        _send_memory(source, row)
        _hand_over(source, target, row, flags, documents)
    finally:
        store.end_job(source.node, uuid)


def _send_memory(source: Place, row: DomainRow) -> None:
    hypervisor = source.hypervisor
    outcome = hypervisor.stages.decide("domain.migrate", selectors_of(source.node, row.labels))
    left_s = outcome.delay_s
    while left_s > 0:
        part_s = min(LOOK_S, left_s)
        hypervisor.stages.wait(part_s)
        left_s -= part_s
        done = row.memory_kib - int(row.memory_kib * left_s / outcome.delay_s)
        wish = hypervisor.store.note_job(source.node, row.uuid, done)
        if wish == ABORT:
            text = "operation aborted: migration out: canceled by client"
            raise error(c.VIR_ERR_OPERATION_ABORTED, text)
        if wish == POSTCOPY:
            break
    failed = outcome.to_error()
    if failed is not None:
        raise failed


def _hand_over(
    source: Place, target: Place, seen: DomainRow, flags: int, documents: Documents
) -> None:
    with source.hypervisor.store.transaction() as tx:
        row = tx.find(source.node, seen.uuid)
        if row is None or not row.is_active:
            raise error(c.VIR_ERR_OPERATION_FAILED, "domain is not running any more")
        tx.put(replace(row, state=c.VIR_DOMAIN_PAUSED, reason=c.VIR_DOMAIN_PAUSED_MIGRATION))
    is_persistent = bool(flags & c.VIR_MIGRATE_PERSIST_DEST)
    reason = c.VIR_DOMAIN_RUNNING_MIGRATED if row.state == c.VIR_DOMAIN_RUNNING else row.reason
    running = documents.live or row.current_xml
    kept = (documents.persistent or running) if is_persistent else None
    with target.hypervisor.store.transaction() as tx:
        arrived = replace(
            row, node=target.node, reason=reason, definition=kept,
            live=None if kept == running else running,
        )  # fmt: skip
        event = tx.add_event(
            arrived, c.VIR_DOMAIN_EVENT_STARTED, c.VIR_DOMAIN_EVENT_STARTED_MIGRATED
        )
        tx.put(replace(arrived, domain_id=event))
    with source.hypervisor.store.transaction() as tx:
        tx.add_event(row, c.VIR_DOMAIN_EVENT_STOPPED, c.VIR_DOMAIN_EVENT_STOPPED_MIGRATED)
        if flags & c.VIR_MIGRATE_UNDEFINE_SOURCE or not row.is_persistent:
            tx.remove(row)
        else:
            tx.put(_left_behind(row))


def _left_behind(row: DomainRow) -> DomainRow:
    kept = parse_definition(row.definition or "")
    return replace(
        row, state=c.VIR_DOMAIN_SHUTOFF, reason=c.VIR_DOMAIN_SHUTOFF_MIGRATED, domain_id=-1,
        live=None, vcpus=kept.vcpus, memory_kib=kept.memory_kib, labels=kept.labels,
        due_at=None, due_operation=None,
    )  # fmt: skip


def job_stats(job: tuple[int, int, str | None] | None) -> dict[str, int]:
    """Return how far a migration is, as jobStats says it: bytes of memory, none of disks."""
    if job is None:
        return {"type": c.VIR_DOMAIN_JOB_NONE}
    total, done, _wish = job
    return {
        "type": c.VIR_DOMAIN_JOB_BOUNDED,
        "memory_total": total * 1024,
        "memory_processed": done * 1024,
        "memory_remaining": (total - done) * 1024,
        "disk_total": 0,
        "disk_processed": 0,
        "disk_remaining": 0,
    }
