"""Bodies of the actions that move a server."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.servers import BOOLEAN, Schema

HOST: Schema = {
    "type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9-._]*$",
}  # fmt: skip


def _action(name: str, value: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {name: value},
        "required": [name],
        "additionalProperties": False,
    }


RESIZE = _action(
    "resize",
    {
        "type": "object",
        "properties": {
            "flavorRef": {"type": ["string", "integer"], "minLength": 1},
            "OS-DCF:diskConfig": {"enum": ["AUTO", "MANUAL"]},
        },
        "required": ["flavorRef"],
        "additionalProperties": False,
    },
)
FORCE_COMPLETE = _action("force_complete", {"type": "null"})
_MIGRATE = _action("migrate", {})
_MIGRATE_TO = _action(
    "migrate",
    {
        "oneOf": [
            {"type": "null"},
            {
                "type": "object",
                "properties": {"host": {"oneOf": [HOST, {"type": "null"}]}},
                "additionalProperties": False,
            },
        ]
    },
)


@functools.cache
def live_migrate(version: ApiVersion) -> Schema:
    """Return what the action os-migrateLive takes; none of it but the host changes what is done."""
    own: Schema = {"host": {"oneOf": [HOST, {"type": "null"}]}, "block_migration": BOOLEAN}
    if version < ApiVersion(2, 25):
        own["disk_over_commit"] = BOOLEAN
    else:
        own["block_migration"] = {"enum": [*BOOLEAN["enum"], "auto"]}
    required = list(own)
    if ApiVersion(2, 30) <= version <= ApiVersion(2, 67):
        own["force"] = BOOLEAN
    return _action(
        "os-migrateLive",
        {
            "type": "object", "properties": own, "required": required,
            "additionalProperties": False,
        },
    )  # fmt: skip


def migrate(version: ApiVersion) -> Schema:
    """Return what the action migrate takes: from 2.56 on a host; before, nothing is looked at."""
    return _MIGRATE_TO if version >= ApiVersion(2, 56) else _MIGRATE


def unshelve(version: ApiVersion) -> Schema:
    """Return what the action unshelve takes: from 2.77 on a zone, from 2.91 on a host, too."""
    if version < ApiVersion(2, 77):
        return {"type": "object", "required": ["unshelve"]}
    zone: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
    place: Schema = {"availability_zone": zone}
    needs: Schema = {"required": ["availability_zone"]}
    if version >= ApiVersion(2, 91):
        host: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
        place = {"availability_zone": {"oneOf": [zone, {"type": "null"}]}, "host": host}
        needs = {"minProperties": 1}
    own = {"type": "object", "properties": place, "additionalProperties": False, **needs}
    return {
        "type": "object",
        "properties": {"unshelve": {"oneOf": [own, {"type": "null"}]}},
        "required": ["unshelve"],
        "additionalProperties": False,
    }
