"""Body of POST /os-keypairs."""

from __future__ import annotations

import copy
import functools
from typing import Any

from devstack_lite.wsgi.versions import ApiVersion

CREATE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "keypair": {
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": r"^[a-zA-Z0-9 _-]+\Z",
                },
                "public_key": {"type": "string"},
            },
            "required": ["name"],
            "additionalProperties": False,
        }
    },
    "required": ["keypair"],
    "additionalProperties": False,
}


@functools.cache
def create(version: ApiVersion) -> dict[str, Any]:
    """Return what POST /os-keypairs takes."""
    schema = copy.deepcopy(CREATE)
    keypair = schema["properties"]["keypair"]
    if version >= ApiVersion(2, 2):
        keypair["properties"]["type"] = {"enum": ["ssh", "x509"]}
    if version >= ApiVersion(2, 10):
        keypair["properties"]["user_id"] = {"type": "string", "minLength": 1, "maxLength": 255}
    if version >= ApiVersion(2, 92):
        keypair["required"].append("public_key")
        keypair["properties"]["name"]["pattern"] = r"^[a-zA-Z0-9 _@.-]+\Z"
    return schema
