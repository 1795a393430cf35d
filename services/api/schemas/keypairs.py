"""Body of POST /os-keypairs."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import NAME, Schema, body, record


def _name(pattern: str) -> Schema:
    special = {"type": "string", "pattern": pattern, "minLength": 1, "maxLength": 255}
    return {"allOf": [NAME, special]}


@functools.cache
def create(version: ApiVersion) -> Schema:
    """Return what POST /os-keypairs takes."""
    is_late = version >= ApiVersion(2, 92)
    wanted: Schema = {
        "name": _name(r"^[_\-\@\. a-zA-Z0-9]+$" if is_late else r"^[_\- a-zA-Z0-9]+$")
    }
    if version >= ApiVersion(2, 2):
        wanted["type"] = {"type": "string", "enum": ["ssh", "x509"]}
    wanted["public_key"] = {"type": "string"}
    if version >= ApiVersion(2, 10):
        wanted["user_id"] = {"type": "string"}
    return body("keypair", record(wanted, ["name", "public_key"] if is_late else ["name"]))
