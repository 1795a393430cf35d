"""Actions that show a server's console: what it wrote, and where a person may look at it."""

from __future__ import annotations

import uuid
from typing import NoReturn

from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import PowerState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking
from services.api.schemas import server_actions as schemas
from services.api.schemas.parameters import whole


class ConsolesController:
    """The URLs are in Nova's form, under a token of their own; no proxy answers there."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._compute = asking.compute
        self._conf = asking.conf

    @api(action="os-getConsoleOutput", body=schemas.CONSOLE_OUTPUT)
    def console_output(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Show the last lines that a server wrote on its console, or all."""
        length = body["os-getConsoleOutput"].get("length")
        instance = self._asking.get(req, id, "os_compute_api:os-console-output")
        if instance.host is None:
            raise _not_ready(instance)
        try:
            output = self._compute.get_console_output(
                req.context, host=instance.host, instance=instance,
                length=None if length is None else whole(length),
            )  # fmt: skip
        except NotFound as error:
            raise NotFound("Guest does not have a console available.", kind="console") from error
        return {"output": output}

    @api(body=schemas.remote_console, since="2.6")
    def remote_consoles(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Return where a server's screen may be seen, by protocol and type."""
        asked = body["remote_console"]
        token = self._token(req, id)
        urls = {
            ("vnc", "novnc"): f"{self._conf.vnc.novncproxy_base_url}?path=%3Ftoken%3D{token}",
            ("spice", "spice-html5"): f"{self._conf.spice.html5proxy_base_url}?token={token}",
        }
        url = urls.get((asked["protocol"], asked["type"]))
        if url is None:
            raise Invalid(f"Unavailable console type {asked['type']}.")
        return {"remote_console": {**asked, "url": url}}

    @api(action="os-getVNCConsole", body=schemas.VNC_CONSOLE, until="2.5")
    def vnc_console(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Return where a server's screen may be seen by noVNC."""
        kind = body["os-getVNCConsole"]["type"]
        token = self._token(req, id)
        if kind != "novnc":
            raise Invalid(f"Unavailable console type {kind}.")
        url = f"{self._conf.vnc.novncproxy_base_url}?path=%3Ftoken%3D{token}"
        return {"console": {"type": kind, "url": url}}

    @api(action="os-getSPICEConsole", body=schemas.SPICE_CONSOLE, until="2.5")
    def spice_console(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Return where a server's screen may be seen by SPICE."""
        token = self._token(req, id)
        url = f"{self._conf.spice.html5proxy_base_url}?token={token}"
        return {"console": {"type": body["os-getSPICEConsole"]["type"], "url": url}}

    @api(action="os-getSerialConsole", body=schemas.SERIAL_CONSOLE, until="2.5")
    def serial_console(self, req: Request, id: str, body: Json) -> NoReturn:  # noqa: A002
        """Refuse: no server here has a serial console, as where Nova's option for it is off."""
        self._token(req, id)
        raise Invalid("Unavailable console type serial.")

    def _token(self, req: Request, server_id: str) -> str:
        instance = self._asking.get(req, server_id, "os_compute_api:os-remote-consoles")
        if instance.power_state is not PowerState.RUNNING or instance.host is None:
            raise _not_ready(instance)
        return str(uuid.uuid4())


def _not_ready(instance: Instance) -> Conflict:
    return Conflict(f"Instance {instance.uuid} is not ready", kind="instance")
