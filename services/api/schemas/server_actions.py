"""Bodies of actions that look at a server or set it right."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.servers import Schema


def _action(name: str, properties: Schema, required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": {
            name: {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            }
        },
        "required": [name],
        "additionalProperties": False,
    }


CONSOLE_OUTPUT: Schema = {
    "type": "object",
    "properties": {
        "os-getConsoleOutput": {
            "type": ["object", "null"],
            "properties": {
                "length": {
                    "type": ["integer", "string", "null"],
                    "pattern": r"^-?[0-9]{1,9}\Z",
                    "minimum": -1,
                    "maximum": 999999999,
                },
            },
            "additionalProperties": False,
        }
    },
    "required": ["os-getConsoleOutput"],
    "additionalProperties": False,
}
VNC_CONSOLE = _action(
    "os-getVNCConsole", {"type": {"type": "string", "enum": ["novnc", "xvpvnc"]}}, ["type"]
)
SPICE_CONSOLE = _action(
    "os-getSPICEConsole", {"type": {"type": "string", "enum": ["spice-html5"]}}, ["type"]
)
SERIAL_CONSOLE = _action(
    "os-getSerialConsole", {"type": {"type": "string", "enum": ["serial"]}}, ["type"]
)
RESET_STATE = _action(
    "os-resetState", {"state": {"type": "string", "enum": ["active", "error"]}}, ["state"]
)
CHANGE_PASSWORD = _action("changePassword", {"adminPass": {"type": "string"}}, ["adminPass"])


@functools.cache
def remote_console(version: ApiVersion) -> Schema:
    """Return what POST /servers/{id}/remote-consoles takes: mks from 2.8, spice-direct 2.99."""
    is_mks = version >= ApiVersion(2, 8)
    protocols = ["vnc", "spice", "rdp", "serial", *(["mks"] if is_mks else [])]
    kinds = [
        "novnc", "xvpvnc", "rdp-html5", "spice-html5", "serial",
        *(["webmks"] if is_mks else []),
        *(["spice-direct"] if version >= ApiVersion(2, 99) else []),
    ]  # fmt: skip
    return _action(
        "remote_console",
        {
            "protocol": {"type": "string", "enum": protocols},
            "type": {"type": "string", "enum": kinds},
        },
        ["protocol", "type"],
    )
