"""Bodies of what compute passes on to network."""

from __future__ import annotations

from services.api.schemas.parameters import IP_ADDRESS, UUID, Schema, body, record

_TEXT: Schema = {"type": "string", "minLength": 0, "maxLength": 255}


def _open(key: str, properties: Schema, required: list[str], **inner: bool) -> Schema:
    """Return the schema of a body beside whose key there may be others."""
    one = {**record(properties, required), "additionalProperties": True, **inner}
    return {**body(key, one), "additionalProperties": True}


GROUP = _open(
    "security_group", {"name": _TEXT, "description": _TEXT}, ["name", "description"]
)  # fmt: skip
RULE = _open(
    "security_group_rule",
    {
        "group_id": {"type": ["string", "null"], "format": "uuid"},
        "parent_group_id": UUID,
        "to_port": {},
        "from_port": {},
        "ip_protocol": {},
        "cidr": {},
    },
    ["parent_group_id"],
)
"""Nova looks at the other values later, and refuses what is wrong then."""


def server_group(action: str) -> Schema:
    """Return what addSecurityGroup and removeSecurityGroup take."""
    name: Schema = {"type": "string", "minLength": 1}
    return _open(action, {"name": name}, ["name"], additionalProperties=False)


FLOATING_IP: Schema = {
    "type": ["object", "null"],
    "properties": {"pool": {"type": ["string", "null"]}},
}
ADD_FLOATING_IP = body(
    "addFloatingIp", record({"address": IP_ADDRESS, "fixed_address": IP_ADDRESS}, ["address"])
)
REMOVE_FLOATING_IP = body("removeFloatingIp", record({"address": IP_ADDRESS}, ["address"]))
ADD_FIXED_IP = body(
    "addFixedIp",
    record(
        {"networkId": {"type": ["string", "number"], "minLength": 1, "maxLength": 36}},
        ["networkId"],
    ),
)
REMOVE_FIXED_IP = body("removeFixedIp", record({"address": IP_ADDRESS}, ["address"]))
