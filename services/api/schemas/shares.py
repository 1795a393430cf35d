"""Bodies of /servers/{id}/shares."""

from __future__ import annotations

from services.api.schemas.parameters import UUID, Schema, body, record

_TAG: Schema = {
    "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9-]*$",
}  # fmt: skip
CREATE = body("share", record({"share_id": UUID, "tag": _TAG}, ["share_id"]))
