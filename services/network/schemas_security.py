"""Bodies for security groups and their rules."""

from __future__ import annotations

from services.network.schemas import FLAG, TEXT, UUID, Schema, without_owner

GROUP: Schema = {
    "name": TEXT,
    "description": TEXT,
    "stateful": FLAG,
    "project_id": TEXT,
    "tenant_id": TEXT,
}
GROUP_CHANGE = without_owner(GROUP)

_PORT: Schema = {  # the SDK sends numbers, older clients text
    "type": ["integer", "string", "null"],
    "minimum": 0,
    "maximum": 65535,
    "pattern": "^(|[0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]"
    "|6553[0-5])$",
}

RULE: Schema = {
    "security_group_id": UUID,
    "direction": {"enum": ["ingress", "egress"]},
    "ethertype": {"enum": ["IPv4", "IPv6"]},
    "protocol": {"type": ["string", "integer", "null"], "maxLength": 32},
    "port_range_min": _PORT,
    "port_range_max": _PORT,
    "remote_ip_prefix": {"type": ["string", "null"], "maxLength": 64},
    "remote_group_id": {"anyOf": [UUID, {"type": "null"}]},
    "description": TEXT,
    "project_id": TEXT,
    "tenant_id": TEXT,
}
