"""Snapshots: create, list, show, change, delete, their metadata and their actions."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from devstack_lite.clock import utcnow
from devstack_lite.db import volume_snapshots
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.volume import VolumeSnapshot
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from devstack_lite.wsgi.versions import ApiVersion
from services.conductor.rpcapi.volume_snapshots import VolumeSnapshotsAPI
from services.volume import backend, schemas, views
from services.volume import schemas_snapshots as bodies
from services.volume.access import check_admin, require_writer
from services.volume.controllers.volumes import get_own as get_own_volume
from services.volume.controllers.volumes import over_limit
from services.volume.filters import next_link, project_of, snapshot_filter

_WITH_COUNT = ApiVersion(3, 45)
_ALWAYS_FORCED = ApiVersion(3, 66)
_WAY_ON = {
    "creating": ("creating", "available", "error"),
    "deleting": ("deleting", "error_deleting"),
}
"""What may be said of a snapshot that somebody else has in hand."""


def get_own(db: Database, req: Request, snapshot_id: str) -> VolumeSnapshot:
    """Return a snapshot that the caller may see, and change if it asks for that.

    Raises NotFound; Forbidden for who may only read.
    """
    found = volume_snapshots.get_snapshot(db, snapshot_id, project_id=project_of(req))
    if req.method != "GET":
        require_writer(req)
    return found


class SnapshotsController:
    """/snapshots."""

    def __init__(self, db: Database, conductor: VolumeSnapshotsAPI, *, max_limit: int) -> None:
        self._db = db
        self._conductor = conductor
        self._max_limit = max_limit

    def index(self, req: Request) -> dict[str, Any]:
        """List snapshots in short, a page at a time."""
        return self._page(req, "/snapshots", views.snapshot_summary)

    def detail(self, req: Request) -> dict[str, Any]:
        """List whole snapshots, a page at a time."""
        return self._page(req, "/snapshots/detail", views.snapshot_detail)

    def _page(self, req: Request, path: str, view: Any) -> dict[str, Any]:
        wanted = snapshot_filter(req, max_limit=self._max_limit)
        found = volume_snapshots.list_snapshots(self._db, wanted) if wanted.limit else []
        body: dict[str, Any] = {"snapshots": [view(req, one) for one in found]}
        if found and len(found) == wanted.limit:
            body["snapshots_links"] = next_link(req, path, found[-1].id)
        asked = req.GET.get("with_count", "").lower() in {"1", "true"}
        if asked and req.api_version >= _WITH_COUNT:
            body["count"] = volume_snapshots.count_snapshots(self._db, wanted)
        return body

    def show(self, req: Request, snapshot_id: str) -> dict[str, Any]:
        """Show one snapshot."""
        return {"snapshot": views.snapshot_detail(req, get_own(self._db, req, snapshot_id))}

    @api(status=202, body=bodies.CREATE)
    def create(self, req: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Record a snapshot. The answer says creating, as it was asked for; it is ready by then."""
        asked = body["snapshot"]
        volume = get_own_volume(self._db, req, asked["volume_id"])
        snapshot = VolumeSnapshot(
            id=str(uuid.uuid4()),
            volume_id=volume.id,
            project_id=volume.project_id,
            user_id=str(req.context.user_id),
            name=asked.get("name") or asked.get("display_name"),
            description=asked.get("description") or asked.get("display_description"),
            metadata=asked.get("metadata") or {},
            created_at=utcnow(),
        )
        with over_limit():
            made = self._conductor.create_snapshot(
                req.context,
                snapshot=snapshot,
                is_forced=_is_forced(req, asked),
                quota=backend.QUOTA,
            )
        shown = views.snapshot_detail(req, dataclasses.replace(made, status="creating"))
        return {"snapshot": shown}

    @api(body=bodies.UPDATE)
    def update(self, req: Request, snapshot_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change name and description."""
        asked = body["snapshot"]
        values = {
            name: asked.get(name, asked.get(f"display_{name}"))
            for name in ("name", "description")
            if name in asked or f"display_{name}" in asked
        }
        snapshot = get_own(self._db, req, snapshot_id)
        if values:
            snapshot = self._conductor.update_snapshot(
                req.context, snapshot_id=snapshot.id, values=values
            )
        return {"snapshot": views.snapshot_detail(req, snapshot)}

    @api(status=202)
    def delete(self, req: Request, snapshot_id: str) -> None:
        """Remove a snapshot."""
        snapshot = get_own(self._db, req, snapshot_id)
        self._conductor.delete_snapshot(req.context, snapshot_id=snapshot.id, is_forced=False)

    # ------------------------------------------------------------------------------- actions

    @api(action="os-reset_status", status=202, body=bodies.RESET_STATUS)
    def reset_status(self, req: Request, snapshot_id: str, body: dict[str, Any]) -> None:
        """Put a snapshot into any state; for administrators."""
        check_admin(req, "volume_extension:snapshot_admin_actions")
        snapshot = get_own(self._db, req, snapshot_id)
        self._conductor.update_snapshot(
            req.context,
            snapshot_id=snapshot.id,
            values={"status": body["os-reset_status"]["status"]},
        )

    @api(action="os-update_snapshot_status", status=202, body=bodies.UPDATE_STATUS)
    def update_status(self, req: Request, snapshot_id: str, body: dict[str, Any]) -> None:
        """Say how a snapshot that somebody else makes or removes gets on; for administrators."""
        check_admin(req, "volume_extension:snapshot_admin_actions")
        snapshot = get_own(self._db, req, snapshot_id)
        status = body["os-update_snapshot_status"]["status"]
        if snapshot.status not in _WAY_ON:
            raise Invalid(
                f"Snapshot status {snapshot.status} not allowed for update_snapshot_status"
            )
        if status not in _WAY_ON[snapshot.status]:
            raise Invalid(
                f"Provided snapshot status {status} not allowed for snapshot with status"
                f" {snapshot.status}."
            )
        self._conductor.update_snapshot(
            req.context, snapshot_id=snapshot.id, values={"status": status}
        )

    @api(action="os-force_delete", status=202)
    def force_delete(self, req: Request, snapshot_id: str, body: dict[str, Any]) -> None:
        """Remove a snapshot in any state; for administrators."""
        check_admin(req, "volume_extension:snapshot_admin_actions")
        snapshot = get_own(self._db, req, snapshot_id)
        self._conductor.delete_snapshot(req.context, snapshot_id=snapshot.id, is_forced=True)

    # ------------------------------------------------------------------------------ metadata

    def _set_metadata(
        self,
        req: Request,
        snapshot_id: str,
        items: dict[str, str],
        *,
        removed: tuple[str, ...] = (),
        is_replacing: bool = False,
    ) -> VolumeSnapshot:
        return self._conductor.update_metadata(
            req.context,
            snapshot_id=get_own(self._db, req, snapshot_id).id,
            items=items,
            removed=list(removed),
            is_replacing=is_replacing,
        )

    def list_metadata(self, req: Request, snapshot_id: str) -> dict[str, Any]:
        """Return a snapshot's metadata."""
        return {"metadata": dict(get_own(self._db, req, snapshot_id).metadata)}

    @api(body=schemas.SET_METADATA)
    def add_metadata(self, req: Request, snapshot_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Merge items into the metadata."""
        return {"metadata": self._set_metadata(req, snapshot_id, body["metadata"]).metadata}

    @api(body=schemas.SET_METADATA)
    def replace_metadata(
        self, req: Request, snapshot_id: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Put items in the metadata's place."""
        snapshot = self._set_metadata(req, snapshot_id, body["metadata"], is_replacing=True)
        return {"metadata": snapshot.metadata}

    def show_meta(self, req: Request, snapshot_id: str, key: str) -> dict[str, Any]:
        """Return one item."""
        metadata = get_own(self._db, req, snapshot_id).metadata
        if key not in metadata:
            raise NotFound(f"Snapshot {snapshot_id} has no metadata with key {key}.")
        return {"meta": {key: metadata[key]}}

    @api(body=schemas.SET_META)
    def set_meta(
        self, req: Request, snapshot_id: str, key: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Set one item."""
        if set(body["meta"]) != {key}:
            raise Invalid("Request body and URI mismatch")
        self._set_metadata(req, snapshot_id, body["meta"])
        return {"meta": body["meta"]}

    def delete_meta(self, req: Request, snapshot_id: str, key: str) -> None:
        """Remove one item."""
        self._set_metadata(req, snapshot_id, {}, removed=(key,))


def _is_forced(req: Request, asked: dict[str, Any]) -> bool:
    """Say whether a volume in use is taken, too: from 3.66 on always."""
    is_forced = str(asked.get("force", False)).lower() == "true"
    if req.api_version < _ALWAYS_FORCED:
        return is_forced
    if "force" in asked and not is_forced:
        raise Invalid(
            "Invalid input received: Invalid value for 'force'. Volumes in use are always taken"
            " since microversion 3.66, and only True is accepted."
        )
    return True
