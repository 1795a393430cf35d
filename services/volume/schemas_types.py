"""JSON schemas of the volume types' bodies."""

from __future__ import annotations

from services.volume.schemas import BOOLEAN, TEXT, one

_NAME = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
EXTRA_SPECS = {
    "type": "object",
    "propertyNames": {"pattern": r"^[a-zA-Z0-9\-_:. ]{1,255}$"},
    "additionalProperties": {"type": ["string", "null"], "maxLength": 255},
}

CREATE = one(
    "volume_type",
    {
        "type": "object",
        "properties": {
            "name": _NAME,
            "description": TEXT,
            "extra_specs": {**EXTRA_SPECS, "type": ["object", "null"]},
            "os-volume-type-access:is_public": BOOLEAN,
        },
        "required": ["name"],
    },
)

UPDATE = one(
    "volume_type",
    {
        "type": "object",
        "properties": {
            "name": {**_NAME, "type": ["string", "null"]},
            "description": TEXT,
            "is_public": BOOLEAN,
        },
    },
)

SET_EXTRA_SPECS = one("extra_specs", {**EXTRA_SPECS, "minProperties": 1})
SET_EXTRA_SPEC = {**EXTRA_SPECS, "minProperties": 1, "maxProperties": 1}

_ACCESS = {
    "type": "object",
    "properties": {"project": {"type": "string", "minLength": 1, "maxLength": 64}},
    "required": ["project"],
}
ADD_ACCESS = one("addProjectAccess", _ACCESS)
REMOVE_ACCESS = one("removeProjectAccess", _ACCESS)
