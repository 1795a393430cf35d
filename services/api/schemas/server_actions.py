"""Bodies of actions that look at a server or set it right."""

from __future__ import annotations

import functools

from devstack_lite.wsgi.versions import ApiVersion
from services.api.schemas.parameters import PASSWORD, Schema, body, record


def _one_of(action: str, name: str, *values: str) -> Schema:
    return body(action, record({name: {"type": "string", "enum": list(values)}}, [name]))


CONSOLE_OUTPUT = body(
    "os-getConsoleOutput",
    record(
        {"length": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$", "minimum": -1}}
    ),
)
VNC_CONSOLE = _one_of("os-getVNCConsole", "type", "novnc", "xvpvnc")
SPICE_CONSOLE = _one_of("os-getSPICEConsole", "type", "spice-html5")
SERIAL_CONSOLE = _one_of("os-getSerialConsole", "type", "serial")
RESET_STATE = _one_of("os-resetState", "state", "active", "error")
TRIGGER_CRASH_DUMP = body("trigger_crash_dump", {"type": "null"})
CHANGE_PASSWORD = body("changePassword", record({"adminPass": PASSWORD}, ["adminPass"]))


@functools.cache
def remote_console(version: ApiVersion) -> Schema:
    """Return what POST /servers/{id}/remote-consoles takes: mks from 2.8 on."""
    protocols = ["vnc", "spice", "serial", "rdp"]
    kinds = ["novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5"]
    if version >= ApiVersion(2, 8):
        protocols.append("mks")
        kinds.append("webmks")
    if version >= ApiVersion(2, 99):
        kinds.append("spice-direct")
    return body(
        "remote_console",
        record(
            {
                "protocol": {"type": "string", "enum": protocols},
                "type": {"type": "string", "enum": kinds},
            },
            ["protocol", "type"],
        ),
    )
