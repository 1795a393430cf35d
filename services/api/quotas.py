"""The limits of whoever asks."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import quota_limits
from devstack_lite.db.engine import Database


class ProjectQuotas:
    """Reads them anew each time: an administrator's word holds from the next request on."""

    def __init__(self, db: Database, configured: Any) -> None:
        """configured: the options of [quota]."""
        self._db = db
        self._configured = configured

    def of(self, project_id: str | None, user_id: str | None = None) -> dict[str, int]:
        """Return limits by resource, -1 for any number, of a project or of a user in it.

        None: the default ones.
        """
        return quota_limits.limits_of(self._db, project_id, self._configured, user_id=user_id)
