"""Body of POST /os-server-groups."""

from __future__ import annotations

import copy
import functools

from devstack_lite.objects.compute import GroupPolicy
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.versions import ApiVersion
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


@functools.cache
def create(version: ApiVersion) -> Json:
    """Return what POST /os-server-groups takes: soft policies from 2.15 on, rules from 2.64 on."""
    schema = copy.deepcopy(CREATE)
    group = schema["properties"]["server_group"]
    wanted = group["properties"]
    if version >= ApiVersion(2, 15):
        wanted["policies"]["items"]["enum"] = list(GroupPolicy)
    if version >= ApiVersion(2, 64):
        del wanted["policies"]
        wanted["policy"] = {"enum": list(GroupPolicy)}
        wanted["rules"] = {
            "type": "object",
            "properties": {
                "max_server_per_host": {
                    "oneOf": [
                        {"type": "integer", "minimum": 1},
                        {"type": "string", "pattern": "^0*[1-9][0-9]{0,8}$"},
                    ]
                }
            },
            "additionalProperties": False,
        }
        group["required"] = ["name", "policy"]
    return schema
