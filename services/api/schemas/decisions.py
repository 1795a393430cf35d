"""Body of POST /os-decisions/what-if."""

from __future__ import annotations

from services.api.schemas.parameters import body, record
from services.api.schemas.servers import SERVER

WHAT_IF = body(
    "what_if",
    record(
        {
            "flavorRef": SERVER["flavorRef"],
            "imageRef": SERVER["imageRef"],
            "availability_zone": SERVER["availability_zone"],
            "hints": {"type": "object"},
            "count": {"type": "integer", "minimum": 1, "maximum": 1000},
        },
        ["flavorRef", "imageRef"],
    ),
)
