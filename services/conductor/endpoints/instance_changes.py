"""Serves services.conductor.rpcapi.instance_changes."""

from __future__ import annotations

from collections.abc import Sequence

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import console_tokens, instance_changes, tags
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.console import Console


class InstanceChanges:
    """Each method is one transaction."""

    target = oslo_messaging.Target(namespace="instance_changes", version="1.0")

    def __init__(self, db: Database, *, console_s: float) -> None:
        self._db = db
        self._console_s = console_s

    def set_lock(
        self, context: RequestContext, *, uuid: str, is_locked: bool, reason: str | None = None
    ) -> Instance:
        """Lock or unlock it. Delivered twice: the same."""
        return instance_changes.set_lock(
            self._db, context, uuid, is_locked=is_locked, reason=reason
        )

    def set_tags(
        self,
        context: RequestContext,
        *,
        uuid: str,
        add: Sequence[str],
        remove: Sequence[str] | None,
    ) -> list[str]:
        """Change them. Delivered twice: the same."""
        return list(tags.set_tags(self._db, uuid, add=add, remove=remove))

    def set_password(self, context: RequestContext, *, uuid: str, password: str) -> None:
        """Keep it. Delivered twice: the same."""
        instance_changes.set_password(self._db, uuid, password)

    def record_console(self, context: RequestContext, *, token: str, console: Console) -> None:
        """Keep it. Delivered twice: the same."""
        console_tokens.record_console(
            self._db, token=token, console=console, lasts_s=self._console_s
        )
