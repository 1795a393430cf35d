"""Bodies of PUT /os-services/{action}."""

from __future__ import annotations

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import BOOLEAN, FQDN, TEXT, Schema, record

_CHANGE: Schema = {"host": FQDN, "binary": TEXT, "disabled_reason": TEXT}
_FIRST = record(_CHANGE, ["host", "binary"])
_LATER = record({**_CHANGE, "forced_down": BOOLEAN}, ["host", "binary"])
UPDATE = record(
    {
        "status": {"type": "string", "enum": ["enabled", "disabled"]},
        "disabled_reason": TEXT,
        "forced_down": BOOLEAN,
    }
)


def change(version: ApiVersion) -> Schema:
    """Return what all that ends in a verb takes; what one of them needs, it asks for itself."""
    return _LATER if version >= ApiVersion(2, 11) else _FIRST
