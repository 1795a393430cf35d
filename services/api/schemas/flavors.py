"""Bodies of /flavors and what is below it."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import (
    BOOLEAN,
    DESCRIPTION,
    NAME,
    SIZE,
    SIZE_OR_NONE,
    TEXT,
    Schema,
    body,
    metadata,
    record,
)

_SPECS = metadata({"type": ["string", "number"]})
EXTRA_SPECS = body("extra_specs", _SPECS)
EXTRA_SPEC: Schema = {**_SPECS, "minProperties": 1, "maxProperties": 1}
_DESCRIPTION: Schema = {
    "type": ["string", "null"], "minLength": 0, "maxLength": 65535,
    "pattern": DESCRIPTION["pattern"],
}  # fmt: skip
UPDATE = body("flavor", record({"description": _DESCRIPTION}, ["description"]))

_FLAVOR: Schema = {
    "name": NAME,
    "id": {
        "type": ["string", "number", "null"], "minLength": 1, "maxLength": 255,
        "pattern": "^(?! )[a-zA-Z0-9. _-]+(?<! )$",
    },
    "ram": SIZE,
    "vcpus": SIZE,
    "disk": SIZE_OR_NONE,
    "OS-FLV-EXT-DATA:ephemeral": SIZE_OR_NONE,
    "swap": SIZE_OR_NONE,
    "rxtx_factor": {
        "type": ["number", "string"], "pattern": r"^[0-9]+(\.[0-9]+)?$", "exclusiveMinimum": 0,
        "maximum": 3.40282e38,
    },
    "os-flavor-access:is_public": BOOLEAN,
}  # fmt: skip


def access(action: str) -> Schema:
    """Return what addTenantAccess and removeTenantAccess take."""
    return body(action, record({"tenant": TEXT}, ["tenant"]))


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /flavors takes: from 2.55 on a description, from 2.102 on no rxtx_factor."""
    wanted = dict(_FLAVOR)
    if version >= ApiVersion(2, 55):
        wanted["description"] = _DESCRIPTION
    if version >= ApiVersion(2, 102):
        del wanted["rxtx_factor"]
    return body("flavor", record(wanted, ["name", "ram", "vcpus", "disk"]))
