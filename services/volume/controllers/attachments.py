"""Attachments: which instance has which volume. list answers the boot's step 16."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.db import volume_attachments
from devstack_lite.db.engine import Database
from devstack_lite.objects.volume import VolumeAttachment
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.volumes import VolumesAPI
from services.volume import schemas, views
from services.volume.controllers.volumes import get_own
from services.volume.filters import listed_project, next_link, number, page_limit, project_of

_FILTERS = {
    "id": "id",
    "instance_id": "instance_uuid",
    "volume_id": "volume_id",
    "status": "status",
    "attach_status": "status",
}


class AttachmentsController:
    """/attachments. Each pair of volume and instance has at most one."""

    def __init__(self, db: Database, conductor: VolumesAPI, *, max_limit: int) -> None:
        self._db = db
        self._conductor = conductor
        self._max_limit = max_limit

    @api(since="3.27")
    def index(self, req: Request) -> dict[str, Any]:
        """List attachments in short."""
        return self._page(req, "/attachments", views.attachment_summary)

    @api(since="3.27")
    def detail(self, req: Request) -> dict[str, Any]:
        """List whole attachments."""
        return self._page(req, "/attachments/detail", views.attachment)

    def _page(self, req: Request, path: str, view: Any) -> dict[str, Any]:
        query = dict(req.GET.items())
        limit = page_limit(query, self._max_limit)
        found = volume_attachments.list_attachments(
            self._db,
            project_id=listed_project(req, query),
            equals=[(column, query[name]) for name, column in _FILTERS.items() if name in query],
            limit=limit,
            offset=number(query, "offset", 0),
            marker=query.get("marker"),
        )
        body: dict[str, Any] = {"attachments": [view(one) for one in found]}
        if found and len(found) == limit:
            body["attachments_links"] = next_link(req, path, found[-1].id)
        return body

    @api(since="3.27")
    def show(self, req: Request, attachment_id: str) -> dict[str, Any]:
        """Show one attachment."""
        return {"attachment": views.attachment(self._own(req, attachment_id))}

    def _own(self, req: Request, attachment_id: str) -> VolumeAttachment:
        return volume_attachments.get_attachment(
            self._db, attachment_id, project_id=project_of(req)
        )

    @api(since="3.27", body=schemas.ATTACHMENT_CREATE)
    def create(self, req: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Reserve a volume for an instance; with a connector, begin to attach it.

        Asked again for the same pair, the attachment that is there is the answer.
        """
        asked = body["attachment"]
        volume = get_own(self._db, req, asked["volume_uuid"])
        connector = asked.get("connector") or {}
        attachment = VolumeAttachment(
            id=str(uuid.uuid4()),
            volume_id=volume.id,
            instance_uuid=asked.get("instance_uuid", ""),
            status="attaching" if connector else "reserved",
            connector=connector,
            mountpoint=connector.get("mountpoint"),
            attached_host=connector.get("host"),
            attach_mode=asked.get("mode") or connector.get("mode") or "rw",
        )
        made = self._conductor.create_attachment(
            req.context, attachment=attachment, is_reserved=False
        )
        return {"attachment": views.attachment(made)}

    @api(since="3.27", body=schemas.ATTACHMENT_UPDATE)
    def update(self, req: Request, attachment_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Say from which host the volume will be reached, and learn how."""
        attachment = self._own(req, attachment_id)
        changed = self._conductor.update_attachment(
            req.context,
            attachment_id=attachment.id,
            connector=body["attachment"]["connector"],
        )
        return {"attachment": views.attachment(changed)}

    @api(since="3.27")
    def delete(self, req: Request, attachment_id: str) -> dict[str, Any]:
        """Take the volume from the instance; answer with what the volume still has."""
        attachment = self._own(req, attachment_id)
        self._conductor.delete_attachment(req.context, attachment_id=attachment.id)
        left = volume_attachments.attachments_of(self._db, [attachment.volume_id])
        return {
            "attachments": [views.attachment_summary(one) for one in left[attachment.volume_id]]
        }

    @api(action="os-complete", status=204, since="3.44")
    def complete(self, req: Request, attachment_id: str, body: dict[str, Any]) -> None:
        """Say that the instance has the volume."""
        attachment = self._own(req, attachment_id)
        self._conductor.complete_attachment(req.context, attachment_id=attachment.id)
