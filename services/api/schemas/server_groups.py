"""Body of POST /os-server-groups."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import NAME, POSITIVE_INTEGER, Schema, body, record

_HARD = ["anti-affinity", "affinity"]
_ALL = [*_HARD, "soft-anti-affinity", "soft-affinity"]


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /os-server-groups takes: soft policies from 2.15 on, rules from 2.64 on."""
    if version >= ApiVersion(2, 64):
        wanted = {
            "name": NAME,
            "policy": {"type": "string", "enum": _ALL},
            "rules": record({"max_server_per_host": POSITIVE_INTEGER}),
        }
        return body("server_group", record(wanted, ["name", "policy"]))
    policy: Schema = {
        "type": "string", "enum": _ALL if version >= ApiVersion(2, 15) else _HARD,
    }  # fmt: skip
    policies: Schema = {
        "type": "array", "prefixItems": [policy], "uniqueItems": True, "minItems": 1, "maxItems": 1,
    }  # fmt: skip
    return body("server_group", record({"name": NAME, "policies": policies}, ["name", "policies"]))
