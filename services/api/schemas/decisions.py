"""Body of POST /os-decisions/what-if."""

from __future__ import annotations

from devstack_lite.objects.registry import Json
from services.api.schemas.servers import CREATE

_SERVER: Json = CREATE["properties"]["server"]["properties"]

WHAT_IF: Json = {
    "type": "object",
    "properties": {
        "what_if": {
            "type": "object",
            "properties": {
                "flavorRef": _SERVER["flavorRef"],
                "imageRef": _SERVER["imageRef"],
                "availability_zone": _SERVER["availability_zone"],
                "hints": {"type": "object"},
                "count": {"type": "integer", "minimum": 1, "maximum": 1000},
            },
            "required": ["flavorRef", "imageRef"],
            "additionalProperties": False,
        }
    },
    "required": ["what_if"],
    "additionalProperties": False,
}
