"""JSON schemas of services, endpoints and regions."""

from __future__ import annotations

from typing import Any

from services.identity.schemas import BOOL, ID, TEXT, body_of, name_of

Json = dict[str, Any]

_SERVICE: Json = {
    "type": name_of(255),
    "name": {"type": "string", "maxLength": 255},
    "description": TEXT,
    "enabled": BOOL,
}
SERVICE = body_of("service", _SERVICE, required=("type",))
SERVICE_CHANGE = body_of("service", _SERVICE)

_PLACE: Json = {"type": ["string", "null"], "maxLength": 255}

_ENDPOINT: Json = {
    "service_id": ID,
    "interface": {"enum": ["public", "internal", "admin"]},
    # Of parameters in a URL only these are known; with another no catalog could be made.
    "url": {
        "type": "string",
        "pattern": r"^[a-zA-Z0-9+.-]+:((?![$%]\().|[$%]\((project|tenant)_id\)s)+$",
    },
    "region_id": _PLACE,
    "region": _PLACE,
    "enabled": BOOL,
    "name": TEXT,
}
ENDPOINT = body_of("endpoint", _ENDPOINT, required=("service_id", "interface", "url"))
ENDPOINT_CHANGE = body_of("endpoint", _ENDPOINT)

REGION = body_of(
    "region",
    {"id": {"type": "string", "maxLength": 255}, "description": TEXT, "parent_region_id": _PLACE},
)
