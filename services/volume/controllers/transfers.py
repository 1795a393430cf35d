"""Transfers: offering a volume to another project, and accepting one."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from devstack_lite.clock import to_micro, utcnow
from devstack_lite.db import volume_transfers
from devstack_lite.db.engine import Database
from devstack_lite.objects.volume import VolumeTransfer
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from devstack_lite.wsgi.versions import ApiVersion
from services.conductor.rpcapi.volume_transfers import VolumeTransfersAPI
from services.volume import backend, schemas, views
from services.volume.controllers.volumes import get_own, over_limit
from services.volume.filters import listed_project, number, page_limit, project_of

_WITH_SNAPSHOTS = ApiVersion(3, 55)
_KEY_BYTES = 8
_SALT_BYTES = 4
"""Cinder's keys have 16 characters, its salts 8."""


class TransfersController:
    """/volume-transfers, and /os-volume-transfer, as it was called before 3.55."""

    def __init__(self, db: Database, conductor: VolumeTransfersAPI, *, max_limit: int) -> None:
        self._db = db
        self._conductor = conductor
        self._max_limit = max_limit

    def index(self, req: Request) -> dict[str, Any]:
        """List the caller's offers in short."""
        return {"transfers": [views.transfer_summary(req, one) for one in self._listed(req)]}

    def detail(self, req: Request) -> dict[str, Any]:
        """List the caller's whole offers."""
        return {"transfers": [_detail(req, one) for one in self._listed(req)]}

    def _listed(self, req: Request) -> list[VolumeTransfer]:
        query = dict(req.GET.items())
        found = volume_transfers.list_transfers(self._db, project_id=listed_project(req, query))
        for name in ("name", "id", "volume_id"):
            if name in query:
                found = [one for one in found if getattr(one, name) == query[name]]
        first = number(query, "offset", 0)
        return found[first : first + page_limit(query, self._max_limit)]

    def show(self, req: Request, transfer_id: str) -> dict[str, Any]:
        """Show one offer."""
        return {"transfer": _detail(req, self._own(req, transfer_id))}

    def _own(self, req: Request, transfer_id: str) -> VolumeTransfer:
        return volume_transfers.get_transfer(self._db, transfer_id, project_id=project_of(req))

    @api(status=202, body=schemas.TRANSFER_CREATE)
    def create(self, req: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Offer a volume. The key is in this answer, and never again."""
        asked = body["transfer"]
        volume = get_own(self._db, req, asked["volume_id"])
        key, salt = secrets.token_hex(_KEY_BYTES), secrets.token_hex(_SALT_BYTES)
        with_choice = req.api_version >= _WITH_SNAPSHOTS
        made = self._conductor.create_transfer(
            req.context,
            transfer=VolumeTransfer(
                id=str(uuid.uuid4()),
                volume_id=volume.id,
                name=asked.get("name"),
                salt=salt,
                key_hash=volume_transfers.hash_of(key, salt),
                no_snapshots=with_choice and str(asked.get("no_snapshots")).lower() == "true",
                created_at=utcnow(),
            ),
        )
        return {"transfer": {**_detail(req, made), "auth_key": key}}

    @api(status=202)
    def delete(self, req: Request, transfer_id: str) -> None:
        """Take an offer back."""
        self._conductor.delete_transfer(req.context, transfer_id=self._own(req, transfer_id).id)

    @api(status=202, body=schemas.TRANSFER_ACCEPT)
    def accept(self, req: Request, transfer_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Take a volume on offer, by its key."""
        with over_limit():
            accepted = self._conductor.accept_transfer(
                req.context,
                transfer_id=transfer_id,
                key=body["accept"]["auth_key"],
                quota=backend.QUOTA,
            )
        return {"transfer": views.transfer_summary(req, accepted)}


def _detail(req: Request, one: VolumeTransfer) -> dict[str, Any]:
    shown = {**views.transfer_summary(req, one), "created_at": to_micro(one.created_at)}
    if req.api_version >= _WITH_SNAPSHOTS:
        shown["no_snapshots"] = one.no_snapshots
    return shown
