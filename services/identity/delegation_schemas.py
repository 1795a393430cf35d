"""JSON schemas of application credentials, trusts and other credentials."""

from __future__ import annotations

from typing import Any

from services.identity.schemas import BOOL, ID, TEXT, body_of, name_of

Json = dict[str, Any]

_ROLES: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"id": ID, "name": TEXT, "domain_id": ID},
        "anyOf": [{"required": ["id"]}, {"required": ["name"]}],
    },
}

APPLICATION_CREDENTIAL = body_of(
    "application_credential",
    {
        "name": name_of(255),
        "description": TEXT,
        "secret": {"type": ["string", "null"], "minLength": 1},
        "expires_at": TEXT,
        "roles": _ROLES,
        "unrestricted": {"type": ["boolean", "null"]},
        "project_id": ID,
        # A rule that is not enforced would be a promise that is not kept.
        "access_rules": {"type": ["array", "null"], "maxItems": 0},
    },
    required=("name",),
)

TRUST = body_of(
    "trust",
    {
        "trustor_user_id": {"type": "string", "maxLength": 64},
        "trustee_user_id": {"type": "string", "maxLength": 64},
        "project_id": ID,
        "impersonation": BOOL,
        "expires_at": TEXT,
        "remaining_uses": {"type": ["integer", "null"], "minimum": 1},
        "roles": _ROLES,
        "allow_redelegation": {"enum": [False, None]},
        "redelegation_count": {"enum": [0, None]},
    },
    required=("trustor_user_id", "trustee_user_id", "impersonation"),
)

_CREDENTIAL: Json = {
    "type": name_of(255),
    "blob": {"type": "string"},
    "user_id": {"type": "string", "maxLength": 64},
    "project_id": ID,
}
CREDENTIAL = body_of("credential", _CREDENTIAL, required=("type", "blob", "user_id"))
CREDENTIAL_CHANGE = body_of("credential", _CREDENTIAL)

EC2: Json = {
    "type": "object",
    "required": ["tenant_id"],
    "properties": {"tenant_id": {"type": "string", "maxLength": 64}},
}
