"""The rules: what an operation may do to a domain, and how it is carried out.

An operation runs in this order, and a process may be killed between any two:
1. a look whether it is allowed at all (only when its stage takes time or can fail);
2. its stage: the delay and the chance of failure, with no lock held and nothing changed;
3. one transaction that looks again, changes the row and records the event.
So an operation has happened or it has not, and one that raises has not.

What a guest does by itself later (a shutdown) is a time in its row, due when anybody looks.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import replace

from fake_hypervisor import constants as c
from fake_hypervisor.definition import Definition, parse_definition
from fake_hypervisor.errors import error, no_domain
from fake_hypervisor.operations import NOT_RUNNING, OPERATIONS, Operation, refusal
from fake_hypervisor.profile import Selectors
from fake_hypervisor.stages import StageEngine
from fake_hypervisor.store import DomainRow, Store, Transaction


class Hypervisor:
    """The domains of all nodes of one store, under one profile; threads and forks may share it."""

    def __init__(
        self, store: Store, stages: StageEngine, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.store = store
        self.stages = stages
        self.clock = clock

    def find(self, node: str, uuid: str) -> DomainRow | None:
        """Return the domain as it is now, or None."""
        row = self.store.find(node, uuid)
        if row is not None and self._is_due(row):
            self._settle(node, uuid)
            return self.store.find(node, uuid)
        return row

    def find_by_name(self, node: str, name: str) -> DomainRow | None:
        """Return the domain of this name as it is now, or None."""
        row = self.store.find_by_name(node, name)
        return row if row is None else self.find(node, row.uuid)

    def require(self, node: str, uuid: str, name: str = "") -> DomainRow:
        """Return the domain as it is now; VIR_ERR_NO_DOMAIN when it is not there."""
        row = self.find(node, uuid)
        if row is None:
            raise no_domain(uuid, name)
        return row

    def list_domains(self, node: str) -> list[DomainRow]:
        """Return the node's domains as they are now, by name."""
        self.settle_due(node)
        return self.store.list_domains(node)

    def count_domains(self, node: str) -> tuple[int, int]:
        """Return how many domains of the node are active, and how many are not."""
        self.settle_due(node)
        return self.store.count_domains(node)

    def settle_due(self, node: str | None = None) -> None:
        """Let the guests do what they have meant to do by now, on one node or on all."""
        for due_node, uuid in self.store.list_due(self.clock(), node):
            self._settle(due_node, uuid)

    def define(self, node: str, xml: str) -> DomainRow:
        """Store a persistent definition; the same uuid and name again redefines.

        Raises VIR_ERR_OPERATION_FAILED when only one of the two is known already.
        """
        new = parse_definition(xml)
        self._play("domain.define", node, new.labels)
        with self.store.transaction() as tx:
            old = _same_domain(tx, node, new)
            row = _fresh(node, new, definition=new.xml) if old is None else _redefined(old, new)
            detail = c.VIR_DOMAIN_EVENT_DEFINED_ADDED
            if old is not None and old.is_persistent:
                detail = c.VIR_DOMAIN_EVENT_DEFINED_UPDATED
            tx.put(row)
            tx.add_event(row, c.VIR_DOMAIN_EVENT_DEFINED, detail)
        return row

    def create_transient(self, node: str, xml: str, *, paused: bool) -> DomainRow:
        """Start a guest from xml; without a definition of its own it is gone once it stops."""
        new = parse_definition(xml)
        operation = OPERATIONS["create_paused" if paused else "create"]
        self._play(operation.stage, node, new.labels)
        with self.store.transaction() as tx:
            old = _same_domain(tx, node, new)
            if old is not None and old.is_active:
                raise error(c.VIR_ERR_OPERATION_INVALID, f"domain '{new.name}' is already active")
            row = _fresh(node, new, live=new.xml)
            if old is not None:
                row = replace(row, definition=old.definition, autostart=old.autostart)
            return self._advance(tx, row, operation, self.clock())

    def perform(self, node: str, uuid: str, name: str, operation_name: str) -> DomainRow:
        """Carry out an operation of the table and return the domain as it is afterwards."""
        operation = OPERATIONS[operation_name]
        due_in_s = 0.0
        if not self.stages.is_free(operation.stage):
            row = self.require(node, uuid, name)
            if not _is_change(operation, row):
                return row
            if operation.by_guest:
                outcome = self.stages.decide(operation.stage, selectors_of(node, row.labels))
                if outcome.failure is not None and outcome.failure.hang_s is not None:
                    return row  # the guest ignores the request
                if (failed := outcome.to_error()) is not None:
                    raise failed
                due_in_s = outcome.delay_s
            else:
                self._play(operation.stage, node, row.labels)
        with self.store.transaction() as tx:
            row = self._require_in(tx, node, uuid, name)
            if not _is_change(operation, row):
                return row
            if row.has_saved_image and operation.with_saved_image:
                operation = OPERATIONS[operation.with_saved_image]
            now = self.clock()
            if due_in_s == 0:
                return self._advance(tx, row, operation, now)
            if row.due_operation != operation_name:
                row = replace(row, due_at=now + due_in_s, due_operation=operation_name)
                tx.put(row)
            return row

    def undefine(self, node: str, uuid: str, name: str, *, with_saved_image: bool) -> None:
        """Remove the definition: a guest that runs goes on, transient from now on."""
        if not self.stages.is_free("domain.undefine"):
            self._play("domain.undefine", node, self.require(node, uuid, name).labels)
        with self.store.transaction() as tx:
            row = self._require_in(tx, node, uuid, name)
            if not row.is_persistent:
                raise error(c.VIR_ERR_OPERATION_INVALID, "cannot undefine transient domain")
            if row.has_saved_image and not with_saved_image:
                text = "Refusing to undefine while domain managed save image exists"
                raise error(c.VIR_ERR_OPERATION_INVALID, text)
            tx.add_event(row, c.VIR_DOMAIN_EVENT_UNDEFINED, c.VIR_DOMAIN_EVENT_UNDEFINED_REMOVED)
            if row.is_active:
                tx.put(replace(row, live=row.current_xml, definition=None, has_saved_image=0))
            else:
                tx.remove(row)

    def change(
        self, node: str, uuid: str, name: str, update: Callable[[DomainRow], DomainRow]
    ) -> None:
        """Replace the row by what update makes of it, in one transaction; no stage, no event."""
        with self.store.transaction() as tx:
            tx.put(update(self._require_in(tx, node, uuid, name)))

    def edit(
        self, stage: str, node: str, uuid: str, name: str, flags: int, edit: Callable[[str], str]
    ) -> None:
        """Rewrite the running guest's document, the definition, or both, as flags say.

        Flags are VIR_DOMAIN_AFFECT_: CURRENT means the guest while it runs, else the definition.
        """
        if not self.stages.is_free(stage):
            row = self.require(node, uuid, name)
            _targets(row, flags)
            self._play(stage, node, row.labels)
        with self.store.transaction() as tx:
            row = self._require_in(tx, node, uuid, name)
            live, config = _targets(row, flags)
            if live and config and row.live is None:
                row = replace(row, definition=edit(row.current_xml))
            else:
                new_live = edit(row.current_xml) if live else row.live
                if config and row.is_active and not live:
                    new_live = row.current_xml
                new_config = edit(row.definition or "") if config else row.definition
                row = replace(row, live=new_live, definition=new_config)
            tx.put(row)

    def _play(self, stage: str, node: str, labels: str) -> None:
        if self.stages.is_free(stage):
            return
        failed = self.stages.run(stage, selectors_of(node, labels)).to_error()
        if failed is not None:
            raise failed

    def _is_due(self, row: DomainRow) -> bool:
        return row.due_at is not None and row.due_at <= self.clock()

    def _settle(self, node: str, uuid: str) -> None:
        with self.store.transaction() as tx:
            row = tx.find(node, uuid)
            if row is not None and self._is_due(row):
                self._carry_out_due(tx, row)

    def _require_in(self, tx: Transaction, node: str, uuid: str, name: str) -> DomainRow:
        row = tx.find(node, uuid)
        if row is not None and self._is_due(row):
            row = self._carry_out_due(tx, row)
            row = row if row.is_persistent or row.is_active else None
        if row is None:
            raise no_domain(uuid, name)
        return row

    def _carry_out_due(self, tx: Transaction, row: DomainRow) -> DomainRow:
        operation = OPERATIONS[row.due_operation or ""]
        at = row.due_at or self.clock()
        return self._advance(tx, replace(row, due_at=None, due_operation=None), operation, at)

    def _advance(
        self, tx: Transaction, row: DomainRow, operation: Operation, at: float
    ) -> DomainRow:
        """Write what the operation does to row, with its events."""
        was_active = row.is_active
        event_ids = [tx.add_event(row, *event) for event in operation.events]
        if operation.state is not None:
            row = replace(row, state=operation.state, reason=operation.reason)
        if operation.restarts:
            row = replace(row, started_at=at)
        if operation.takes_saved_image or operation.saves_image:
            row = replace(row, has_saved_image=int(operation.saves_image))
        if row.is_active and not was_active:
            # Unique in the store and growing, as a domain's id is.
            row = replace(row, domain_id=event_ids[0])
        elif was_active and not row.is_active:
            row = _stopped(row)
            if not row.is_persistent:
                tx.remove(row)
                return row
        tx.put(row)
        return row


def _is_change(operation: Operation, row: DomainRow) -> bool:
    if row.state in operation.no_change_in:
        return False
    if row.state not in operation.allowed_in:
        raise error(c.VIR_ERR_OPERATION_INVALID, refusal(operation, row.state))
    if operation.saves_image and not row.is_persistent:
        text = "cannot do managed save for transient domain"
        raise error(c.VIR_ERR_OPERATION_INVALID, text)
    return True


def _same_domain(tx: Transaction, node: str, new: Definition) -> DomainRow | None:
    row = tx.find(node, new.uuid)
    if row is not None:
        if row.name != new.name:
            text = f"domain '{row.name}' is already defined with uuid {row.uuid}"
            raise error(c.VIR_ERR_OPERATION_FAILED, text, domain=c.VIR_FROM_DOMAIN)
        return row
    other = tx.find_by_name(node, new.name)
    if other is not None:
        text = f"domain '{other.name}' already exists with uuid {other.uuid}"
        raise error(c.VIR_ERR_OPERATION_FAILED, text, domain=c.VIR_FROM_DOMAIN)
    return None


def _fresh(
    node: str, new: Definition, *, definition: str | None = None, live: str | None = None
) -> DomainRow:
    return DomainRow(
        node=node,
        uuid=new.uuid,
        name=new.name,
        state=c.VIR_DOMAIN_SHUTOFF,
        reason=c.VIR_DOMAIN_SHUTOFF_UNKNOWN,
        domain_id=-1,
        definition=definition,
        live=live,
        vcpus=new.vcpus,
        memory_kib=new.memory_kib,
        labels=new.labels,
        has_saved_image=0,
        autostart=0,
        started_at=0.0,
        due_at=None,
        due_operation=None,
    )


def _redefined(old: DomainRow, new: Definition) -> DomainRow:
    if old.is_active:
        # The guest goes on with what it was started with.
        return replace(old, definition=new.xml, live=old.current_xml)
    return replace(
        old, definition=new.xml, vcpus=new.vcpus, memory_kib=new.memory_kib, labels=new.labels
    )


def _stopped(row: DomainRow) -> DomainRow:
    row = replace(row, domain_id=-1, due_at=None, due_operation=None)
    if row.live is not None and row.definition is not None:
        kept = parse_definition(row.definition)
        row = replace(
            row, live=None, vcpus=kept.vcpus, memory_kib=kept.memory_kib, labels=kept.labels
        )
    return row


def _targets(row: DomainRow, flags: int) -> tuple[bool, bool]:
    live = bool(flags & c.VIR_DOMAIN_AFFECT_LIVE)
    config = bool(flags & c.VIR_DOMAIN_AFFECT_CONFIG)
    if not live and not config:
        live, config = row.is_active, not row.is_active
    if live and not row.is_active:
        raise error(c.VIR_ERR_OPERATION_INVALID, NOT_RUNNING)
    if config and not row.is_persistent:
        text = "transient domains do not have any persistent config"
        raise error(c.VIR_ERR_OPERATION_INVALID, text)
    return live, config


def selectors_of(node: str, labels: str) -> Selectors:
    """Return what a stage's rules look at, of a domain with these labels on node."""
    selectors: dict[str, str] = {}
    with contextlib.suppress(ValueError):
        selectors = json.loads(labels)
    return {**selectors, "node": node}
