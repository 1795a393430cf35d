"""Lifecycle events: who wants them in this process, and their delivery.

Events are rows of the store, so those of other processes arrive too. As with libvirt a program
runs the loop itself: `while True: virEventRunDefaultImpl()` in a thread of its own.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fake_hypervisor.domain import virDomain

if TYPE_CHECKING:
    from fake_hypervisor.connection import virConnect
    from fake_hypervisor.hypervisor import Hypervisor

Callback = Callable[["virConnect", virDomain, int, int, Any], None]

# One look costs 10 us, so this is 0.02 % of a processor.
POLL_S = 0.05


@dataclass(slots=True)
class _Registration:
    connection: virConnect
    uuid: str | None
    callback: Callback
    opaque: Any
    seen: int
    """The id of the newest event that was looked at."""


class EventLoop:
    """The registrations of this process and the look at the stores behind them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._registrations: dict[int, _Registration] = {}

    def add(self, connection: virConnect, uuid: str | None, callback: Callback, opaque: Any) -> int:
        """Register for a connection's events from now on and return the registration's id."""
        seen = connection.hypervisor.store.last_event_id()
        with self._lock:
            callback_id = next(self._ids)
            self._registrations[callback_id] = _Registration(
                connection, uuid, callback, opaque, seen
            )
        return callback_id

    def remove(self, callback_id: int) -> bool:
        """Take a registration back; return whether it was there."""
        with self._lock:
            return self._registrations.pop(callback_id, None) is not None

    def remove_connection(self, connection: virConnect) -> None:
        """Take back all registrations of a connection that is being closed."""
        with self._lock:
            ours = [i for i, r in self._registrations.items() if r.connection is connection]
            for callback_id in ours:
                del self._registrations[callback_id]

    def reset_after_fork(self) -> None:
        """Replace the lock: a thread of the parent may have held it."""
        self._lock = threading.Lock()

    def run_once(self, wait_s: float = POLL_S) -> int:
        """Deliver what has happened, or wait for wait_s; return how many events were delivered.

        A callback's exception goes to the caller, after which its event is not delivered again.
        """
        with self._lock:
            registrations = tuple(self._registrations.values())
        delivered = 0
        for hypervisor, ours in _by_hypervisor(registrations):
            hypervisor.settle_due()
            delivered += self._deliver(hypervisor, ours)
        if not delivered:
            time.sleep(wait_s)
        return delivered

    def _deliver(self, hypervisor: Hypervisor, registrations: list[_Registration]) -> int:
        by_node: dict[str, list[_Registration]] = {}
        for registration in registrations:
            by_node.setdefault(registration.connection.node, []).append(registration)
        delivered = 0
        for event in hypervisor.store.events_after(min(r.seen for r in registrations)):
            for registration in by_node.get(event.node, ()):
                if event.id <= registration.seen or registration.uuid not in {None, event.uuid}:
                    continue
                registration.seen = event.id
                domain = virDomain(registration.connection, event.uuid, event.name)
                registration.callback(
                    registration.connection, domain, event.event, event.detail, registration.opaque
                )
                delivered += 1
            last = event.id
            for registration in registrations:
                registration.seen = max(registration.seen, last)
        return delivered


def _by_hypervisor(
    registrations: Iterable[_Registration],
) -> list[tuple[Hypervisor, list[_Registration]]]:
    """Group registrations by store: thousands of nodes are one look."""
    groups: dict[int, tuple[Hypervisor, list[_Registration]]] = {}
    for registration in registrations:
        hypervisor = registration.connection.hypervisor
        groups.setdefault(id(hypervisor.store), (hypervisor, []))[1].append(registration)
    return list(groups.values())
