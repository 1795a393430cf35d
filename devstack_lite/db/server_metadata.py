"""What users note on an instance: keys and values that mean nothing here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db.actions import refuse_if_locked
from devstack_lite.db.engine import Database
from devstack_lite.db.rows import instance_of, locked_instance
from devstack_lite.db.schema import instances
from devstack_lite.exceptions import InstanceInvalidState, QuotaExceeded
from devstack_lite.objects.compute import Instance

CHANGEABLE_IN = frozenset({"active", "paused", "suspended", "stopped"})
"""The vm_states in which Nova allows it."""


def update_metadata(
    db: Database,
    context: RequestContext,
    uuid: str,
    *,
    items: Mapping[str, str],
    removed: Sequence[str],
    is_replacing: bool,
    limit: int,
) -> Instance:
    """Set items and take removed away; is_replacing: nothing but items is left. One transaction.

    limit: the entries that there may be then, -1 is any number; taking away is always allowed.
    A key that is gone already is done. Raises NotFound, InstanceIsLocked,
    InstanceInvalidState, QuotaExceeded.
    """
    with db.write() as connection:
        row = locked_instance(connection, uuid)
        refuse_if_locked(row, context)
        if row.vm_state not in CHANGEABLE_IN:
            raise InstanceInvalidState.of(
                uuid,
                action="delete metadata" if removed else "update metadata",
                attribute="vm_state",
                state=row.vm_state,
            )
        kept = {} if is_replacing else dict(row.metadata)
        found = {key: value for key, value in {**kept, **items}.items() if key not in removed}
        if items and 0 <= limit < len(found):
            raise QuotaExceeded(
                f"Maximum number of metadata items exceeds {limit}", kind="metadata_items"
            )
        connection.execute(
            instances.update()
            .where(instances.c.uuid == uuid)
            .values(metadata=found, updated_at=utcnow())
        )
        return instance_of(locked_instance(connection, uuid))
