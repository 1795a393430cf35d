"""Body of POST /os-server-groups."""

from __future__ import annotations

from devstack_lite.objects.compute import GroupPolicy
from devstack_lite.objects.registry import Json
from services.api.schemas.servers import NAME

CREATE: Json = {
    "type": "object",
    "properties": {
        "server_group": {
            "type": "object",
            "properties": {
                "name": NAME,
                "policies": {
                    "type": "array",
                    "items": {"enum": [GroupPolicy.ANTI_AFFINITY, GroupPolicy.AFFINITY]},
                    "minItems": 1,
                    "maxItems": 1,
                    "uniqueItems": True,
                },
            },
            "required": ["name", "policies"],
            "additionalProperties": False,
        }
    },
    "required": ["server_group"],
    "additionalProperties": False,
}
