"""JSON schemas of what identity is sent."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_TEXT: Json = {"type": ["string", "null"]}
_ID: Json = {"type": ["string", "null"], "maxLength": 64}
_BOOL: Json = {"type": "boolean"}
_DOMAIN: Json = {"type": "object", "properties": {"id": _ID, "name": _TEXT}}

_PASSWORD: Json = {
    "type": "object",
    "required": ["user"],
    "properties": {
        "user": {
            "type": "object",
            "required": ["password"],
            "properties": {
                "id": _ID,
                "name": _TEXT,
                "domain": _DOMAIN,
                "password": {"type": "string"},
            },
            "anyOf": [{"required": ["id"]}, {"required": ["name", "domain"]}],
        }
    },
}
_TOKEN: Json = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}

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
                    "properties": {"id": _ID, "name": _TEXT, "domain": _DOMAIN},
                    "anyOf": [{"required": ["id"]}, {"required": ["name", "domain"]}],
                },
                "domain": {**_DOMAIN, "anyOf": [{"required": ["id"]}, {"required": ["name"]}]},
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
                "tenantId": _ID,
                "tenantName": _TEXT,
                "token": _TOKEN,
                "passwordCredentials": {
                    "type": "object",
                    "required": ["password"],
                    "properties": {
                        "userId": _ID,
                        "username": _TEXT,
                        "password": {"type": "string"},
                    },
                    "anyOf": [{"required": ["userId"]}, {"required": ["username"]}],
                },
            },
        }
    },
}

# What is not among the properties, or could not be kept, is refused rather than forgotten.
_NO_OPTIONS: Json = {"type": "object", "maxProperties": 0}


def _name(maximum: int) -> Json:
    return {"type": "string", "minLength": 1, "maxLength": maximum, "pattern": r"\S"}


_USER: Json = {
    "name": _name(255),
    "password": _TEXT,
    "enabled": _BOOL,
    "email": {"type": ["string", "null"], "maxLength": 255},
    "description": _TEXT,
    "default_project_id": _ID,
    "domain_id": _ID,
    "options": _NO_OPTIONS,
}
_PROJECT: Json = {
    "name": _name(64),
    "enabled": _BOOL,
    "description": _TEXT,
    "domain_id": _ID,
    "parent_id": _ID,
    "is_domain": {"const": False},
    "tags": {"type": "array", "maxItems": 0},
    "options": _NO_OPTIONS,
}
_ROLE: Json = {
    "name": _name(64),
    "description": _TEXT,
    "domain_id": {"type": "null"},
    "options": _NO_OPTIONS,
}


def _body(noun: str, properties: Json, *, required: tuple[str, ...] = ()) -> Json:
    thing: Json = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    return {"type": "object", "required": [noun], "properties": {noun: thing}}


USER = _body("user", _USER, required=("name",))
USER_CHANGE = _body("user", _USER)
PROJECT = _body("project", _PROJECT, required=("name",))
PROJECT_CHANGE = _body("project", _PROJECT)
ROLE = _body("role", _ROLE, required=("name",))
ROLE_CHANGE = _body("role", _ROLE)

OWN_PASSWORD = _body(
    "user",
    {"password": {"type": "string", "minLength": 1}, "original_password": {"type": "string"}},
    required=("password", "original_password"),
)
