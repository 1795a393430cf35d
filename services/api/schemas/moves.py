"""Bodies of the actions that move a server."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import (
    BOOLEAN,
    DISK_CONFIG,
    FLAVOR_REF,
    FQDN,
    NAME,
    Schema,
    body,
    record,
)

RESIZE = body(
    "resize", record({"flavorRef": FLAVOR_REF, "OS-DCF:diskConfig": DISK_CONFIG}, ["flavorRef"])
)
FORCE_COMPLETE = body("force_complete", {"type": "null"})
_HOST: Schema = {**FQDN, "type": ["string", "null"]}


def _or_nothing(schema: Schema) -> Schema:
    return {**schema, "type": ["object", "null"]}


_MIGRATE: Schema = {}
_MIGRATE_TO = body("migrate", _or_nothing(record({"host": _HOST})))


@functools.cache
def live_migrate(version: ApiVersion) -> Schema:
    """Return what the action os-migrateLive takes; none of it but the host changes what is done."""
    own: Schema = {"block_migration": BOOLEAN, "disk_over_commit": BOOLEAN, "host": _HOST}
    if version >= ApiVersion(2, 25):
        own["block_migration"] = {**BOOLEAN, "enum": [*BOOLEAN["enum"], "auto"]}
        del own["disk_over_commit"]
    required = list(own)
    if ApiVersion(2, 30) <= version <= ApiVersion(2, 67):
        own["force"] = BOOLEAN
    return body("os-migrateLive", record(own, required))


def migrate(version: ApiVersion) -> Schema:
    """Return what the action migrate takes: from 2.56 on a host; before, nothing is looked at."""
    return _MIGRATE_TO if version >= ApiVersion(2, 56) else _MIGRATE


@functools.cache
def unshelve(version: ApiVersion) -> Schema:
    """Return what the action unshelve takes: from 2.77 on a zone, from 2.91 on a host, too."""
    if version < ApiVersion(2, 77):
        return body("unshelve", {})
    if version < ApiVersion(2, 91):
        place = record({"availability_zone": NAME}, ["availability_zone"])
    else:
        place = record(
            {"availability_zone": {"type": ["string", "null"]}, "host": {"type": "string"}}
        )
    return body("unshelve", _or_nothing(place))
