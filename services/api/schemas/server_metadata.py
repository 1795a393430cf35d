"""Bodies of /servers/{id}/metadata."""

from __future__ import annotations

from services.api.schemas.servers import METADATA, Schema

ALL: Schema = {
    "type": "object",
    "properties": {"metadata": METADATA},
    "required": ["metadata"],
    "additionalProperties": False,
}
ONE: Schema = {
    "type": "object",
    "properties": {"meta": {**METADATA, "minProperties": 1, "maxProperties": 1}},
    "required": ["meta"],
    "additionalProperties": False,
}
