"""JSON schemas of what identity is sent."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": ["string", "null"]}
ID: Json = {"type": ["string", "null"], "maxLength": 64}
BOOL: Json = {"type": "boolean"}
_DOMAIN: Json = {"type": "object", "properties": {"id": ID, "name": TEXT}}

_PASSWORD: Json = {
    "type": "object",
    "required": ["user"],
    "properties": {
        "user": {
            "type": "object",
            "required": ["password"],
            "properties": {
                "id": ID,
                "name": TEXT,
                "domain": _DOMAIN,
                "password": {"type": "string"},
            },
            "anyOf": [{"required": ["id"]}, {"required": ["name", "domain"]}],
        }
    },
}
_TOKEN: Json = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}

_APPLICATION_CREDENTIAL: Json = {
    "type": "object",
    "required": ["secret"],
    "properties": {
        "id": ID,
        "name": TEXT,
        "secret": {"type": "string"},
        "user": {
            "type": "object",
            "properties": {"id": ID, "name": TEXT, "domain": _DOMAIN},
            "anyOf": [{"required": ["id"]}, {"required": ["name", "domain"]}],
        },
    },
    "anyOf": [{"required": ["id"]}, {"required": ["name", "user"]}],
}

_SCOPE: Json = {
    "anyOf": [
        {"enum": ["unscoped", None]},
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {
                "unscoped": {"type": "object"},
                "project": {
                    "type": "object",
                    "properties": {"id": ID, "name": TEXT, "domain": _DOMAIN},
                    "anyOf": [{"required": ["id"]}, {"required": ["name", "domain"]}],
                },
                "domain": {**_DOMAIN, "anyOf": [{"required": ["id"]}, {"required": ["name"]}]},
                "OS-TRUST:trust": _TOKEN,
                "system": {
                    "type": "object",
                    "required": ["all"],
                    "properties": {"all": {"const": True}},
                },
            },
        },
    ]
}

AUTH: Json = {
    "type": "object",
    "required": ["auth"],
    "properties": {
        "auth": {
            "type": "object",
            "required": ["identity"],
            "properties": {
                "identity": {
                    "type": "object",
                    "required": ["methods"],
                    "properties": {
                        "methods": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                        "password": _PASSWORD,
                        "token": _TOKEN,
                        "application_credential": _APPLICATION_CREDENTIAL,
                    },
                },
                "scope": _SCOPE,
            },
        }
    },
}

AUTH_V2: Json = {
    "type": "object",
    "required": ["auth"],
    "properties": {
        "auth": {
            "type": "object",
            "anyOf": [{"required": ["passwordCredentials"]}, {"required": ["token"]}],
            "properties": {
                "tenantId": ID,
                "tenantName": TEXT,
                "token": _TOKEN,
                "passwordCredentials": {
                    "type": "object",
                    "required": ["password"],
                    "properties": {
                        "userId": ID,
                        "username": TEXT,
                        "password": {"type": "string"},
                    },
                    "anyOf": [{"required": ["userId"]}, {"required": ["username"]}],
                },
            },
        }
    },
}

# What could not be kept is refused rather than forgotten.
_NO_OPTIONS: Json = {"type": "object", "maxProperties": 0}


def name_of(maximum: int) -> Json:
    """Return the schema of a name."""
    return {"type": "string", "minLength": 1, "maxLength": maximum, "pattern": r"\S"}


_USER: Json = {
    "name": name_of(255),
    "password": TEXT,
    "enabled": BOOL,
    "email": {"type": ["string", "null"], "maxLength": 255},
    "description": TEXT,
    "default_project_id": ID,
    "domain_id": ID,
    "options": _NO_OPTIONS,
}
_TAGS: Json = {
    "type": "array",
    "uniqueItems": True,
    "maxItems": 80,
    "items": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"},
}
_PROJECT: Json = {
    "name": name_of(64),
    "enabled": BOOL,
    "description": TEXT,
    "domain_id": ID,
    "parent_id": ID,
    "is_domain": {"const": False},
    "tags": _TAGS,
    "options": _NO_OPTIONS,
}
_ROLE: Json = {
    "name": name_of(64),
    "description": TEXT,
    "domain_id": {"type": "null"},
    "options": _NO_OPTIONS,
}

_DOMAIN_THING: Json = {
    "name": name_of(64),
    "enabled": BOOL,
    "description": TEXT,
    "tags": {"type": "array", "maxItems": 0},
    "options": _NO_OPTIONS,
}
_GROUP: Json = {"name": name_of(64), "description": TEXT, "domain_id": ID}


def body_of(
    noun: str, properties: Json, *, required: tuple[str, ...] = (), is_open: bool = False
) -> Json:
    """Return the schema of a body that holds one thing; is_open: with properties of any name."""
    thing: Json = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": is_open,
    }
    return {"type": "object", "required": [noun], "properties": {noun: thing}}


def _bodies(noun: str, properties: Json) -> tuple[Json, Json]:
    """Return the schemas of making one and of changing it; anything may be said of one."""
    return (
        body_of(noun, properties, required=("name",), is_open=True),
        body_of(noun, properties, is_open=True),
    )


USER, USER_CHANGE = _bodies("user", _USER)
PROJECT, PROJECT_CHANGE = _bodies("project", _PROJECT)
DOMAIN, DOMAIN_CHANGE = _bodies("domain", _DOMAIN_THING)
GROUP, GROUP_CHANGE = _bodies("group", _GROUP)
ROLE, ROLE_CHANGE = _bodies("role", _ROLE)

PROJECT_TAGS: Json = {
    "type": "object",
    "properties": {"tags": _TAGS},
    "required": ["tags"],
    "additionalProperties": False,
}

_POLICY: Json = {"type": name_of(255), "blob": {"type": ["string", "object"]}}
POLICY = body_of("policy", _POLICY, required=("type", "blob"), is_open=True)
POLICY_CHANGE = body_of("policy", _POLICY, is_open=True)

OWN_PASSWORD = body_of(
    "user",
    {"password": {"type": "string", "minLength": 1}, "original_password": {"type": "string"}},
    required=("password", "original_password"),
)
