"""Bodies of /os-aggregates."""

from __future__ import annotations

from services.api.schemas.parameters import (
    AZ_NAME,
    FQDN,
    NAME,
    NAME_OR_BLANKS,
    UUID,
    Schema,
    body,
    metadata,
    record,
)

_ZONE = {"oneOf": [AZ_NAME, {"type": "null"}]}

CREATE = body("aggregate", record({"name": NAME, "availability_zone": _ZONE}, ["name"]))
UPDATE = body(
    "aggregate",
    {
        **record({"name": NAME_OR_BLANKS, "availability_zone": _ZONE}),
        "anyOf": [{"required": ["name"]}, {"required": ["availability_zone"]}],
    },
)
ADD_HOST = body("add_host", record({"host": FQDN}, ["host"]))
REMOVE_HOST = body("remove_host", record({"host": FQDN}, ["host"]))
SET_METADATA = body(
    "set_metadata", record({"metadata": metadata({"type": ["string", "null"]})}, ["metadata"])
)
_IMAGE: Schema = {
    "type": "object", "properties": {"id": UUID}, "additionalProperties": False,
    "required": ["id"],
}  # fmt: skip
CACHE = body("cache", {"type": ["array"], "minItems": 1, "items": _IMAGE})
