"""Bodies of /servers/{id}/metadata."""

from __future__ import annotations

from services.api.schemas.parameters import METADATA, ONE_ITEM, body

ALL = body("metadata", METADATA)
ONE = body("meta", ONE_ITEM)
