"""Sweeps the database for what makes no progress; one conductor worker at a time, by a lease.

What it does a living worker never needs: it hands out again what has been silent for too long, and
removes what outlived its instance. Everything it decides, it decides in one transaction.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from devstack_lite import failpoints, semantics
from devstack_lite.context import service_context
from devstack_lite.db import (
    deferred_delete,
    device_changes,
    hosts,
    leftovers,
    operations,
    purge,
    resizes,
    shelves,
    snapshots,
)
from devstack_lite.db.engine import Database
from devstack_lite.db.leases import take_lease
from devstack_lite.db.leftovers import delete_without_host
from devstack_lite.exceptions import DevstackError
from devstack_lite.objects.compute import Instance
from services.conductor.dispatch import Dispatcher

LOG = logging.getLogger(__name__)

LEASE = "reconciler"
LEASE_S = 5.0
LEFTOVERS_EVERY_S = 10.0
PURGES = 5
"""Transactions of one sweep that forget deleted instances."""


class Reconciler:
    """One per conductor worker; all but the lease's holder only watch."""

    def __init__(self, conf: Any, db: Database, dispatcher: Dispatcher, *, holder: str) -> None:
        self._conf = conf
        self._db = db
        self._dispatcher = dispatcher
        self._holder = holder
        self._stopping = threading.Event()
        self._next_leftovers = 0.0
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Begin to sweep."""
        self._thread.start()

    def stop(self) -> None:
        """End after the sweep in hand."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._conf.conductor.sweep_s):
            try:
                if take_lease(self._db, LEASE, self._holder, seconds=LEASE_S):
                    self.sweep()
            except Exception:
                # The database may be away: the next sweep finds what this one did not.
                LOG.exception("the sweep failed")

    def sweep(self) -> None:
        """Do all that is due, once."""
        self._reclaim()
        own = self._conf.conductor
        bounds = operations.Bounds(unowned_s=own.unowned_bound_s, owned_s=own.owned_bound_s)
        if not semantics.is_durable():
            return
        held = failpoints.held_instances()
        if held is None:
            return  # Somebody walks through a boot: what he holds is not silent.
        down = hosts.down_hosts(self._db, self._conf.service_down_time_s)
        waiting = {"down_hosts": down, "held": held}
        silent = operations.hand_out_silent(self._db, bounds, **waiting)
        for instance in silent:
            self._hand_out(instance, is_down=instance.host in down)
        for instance, change in device_changes.hand_out_silent(self._db, bounds, **waiting):
            LOG.warning("%s made no progress: attempt %d", change.kind, change.attempt,
                        extra={"instance_uuid": instance.uuid})  # fmt: skip
            self._dispatcher.dispatch_change(instance, change)
        self._confirm_resizes()
        self._offload_shelved()
        if time.monotonic() >= self._next_leftovers:
            self._next_leftovers = time.monotonic() + LEFTOVERS_EVERY_S
            removed = {
                **leftovers.sweep_leftovers(self._db, older_than_s=own.leftovers_s),
                "images": snapshots.sweep_snapshots(self._db, older_than_s=own.leftovers_s),
            }
            if any(removed.values()):
                LOG.warning("removed what was left behind: %s", removed)
            self._purge(own.deleted_kept)

    def _purge(self, kept: int) -> None:
        """Forget deleted instances that there are too many of; the rest of many next time."""
        for _ in range(PURGES if kept >= 0 else 0):
            if not purge.purge_deleted(self._db, kept=kept):
                break

    def _reclaim(self) -> None:
        """Delete for good what was soft-deleted and could be restored for long enough."""
        interval_s = self._conf.reclaim_instance_interval
        if not interval_s:
            return
        for instance in deferred_delete.reclaim(self._db, older_than_s=interval_s):
            LOG.info("reclaimed: nobody restored it", extra={"instance_uuid": instance.uuid})
            self._dispatcher.dispatch(instance)

    def _confirm_resizes(self) -> None:
        """Confirm what nobody has confirmed for as long as an operator lets it be."""
        window_s = self._conf.resize_confirm_window
        if not window_s:
            return
        for uuid in resizes.unconfirmed(self._db, older_than_s=window_s):
            LOG.info("its resize is confirmed by itself", extra={"instance_uuid": uuid})
            try:
                self._dispatcher.dispatch(
                    resizes.begin_confirm(self._db, service_context().for_instance(uuid), uuid)
                )
            except DevstackError as error:
                # Its owner was quicker.
                LOG.info("%s", error, extra={"instance_uuid": uuid})

    def _offload_shelved(self) -> None:
        """Take from their hosts those that were shelved for as long as an operator lets them be."""
        offload_s = self._conf.shelved_offload_time
        if offload_s <= 0:
            return
        for uuid in shelves.shelved_since(self._db, older_than_s=offload_s):
            LOG.info("it is offloaded by itself", extra={"instance_uuid": uuid})
            try:
                self._dispatcher.dispatch(
                    shelves.begin_offload(self._db, service_context().for_instance(uuid), uuid)
                )
            except DevstackError as error:
                # Its owner was quicker.
                LOG.info("%s", error, extra={"instance_uuid": uuid})

    def _hand_out(self, instance: Instance, *, is_down: bool) -> None:
        name = (instance.operation or {}).get("name")
        LOG.warning("%s made no progress: attempt %d", name, instance.attempt,
                    extra={"instance_uuid": instance.uuid})  # fmt: skip
        if name == operations.DELETE and is_down:
            delete_without_host(self._db, instance.uuid)
            return
        self._dispatcher.dispatch(instance)
