"""The body of rescue."""

from __future__ import annotations

from services.api.schemas.parameters import PASSWORD, UUID, body, record

RESCUE = body(
    "rescue",
    {**record({"adminPass": PASSWORD, "rescue_image_ref": UUID}), "type": ["object", "null"]},
)
