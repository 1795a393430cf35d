"""Bodies of /os-quota-sets and /os-quota-class-sets."""

from __future__ import annotations

from devstack_lite.db.quota_limits import CONFIGURED, UNCOUNTED
from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.servers import BOOLEAN, Schema

_LIMIT: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": -1, "maximum": 0x7FFFFFFF},
        {"type": "string", "pattern": r"^(-1|[0-9]{1,9})\Z"},
    ]
}
_LIMITS: Schema = dict.fromkeys((*CONFIGURED, *UNCOUNTED), _LIMIT)


def _body(key: str, properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {
            key: {"type": "object", "properties": properties, "additionalProperties": False}
        },
        "required": [key],
        "additionalProperties": False,
    }


QUOTA_SET = _body("quota_set", {**_LIMITS, "force": BOOLEAN, "tenant_id": {"type": "string"}})
_CLASS_SET = _body("quota_class_set", _LIMITS)
_FIRST_CLASS_SET = _body(
    "quota_class_set",
    {key: value for key, value in _LIMITS.items() if not key.startswith("server_group")},
)


def class_set(version: ApiVersion) -> Schema:
    """Return what a class may be given: limits of server groups from 2.50 on."""
    return _CLASS_SET if version >= ApiVersion(2, 50) else _FIRST_CLASS_SET
