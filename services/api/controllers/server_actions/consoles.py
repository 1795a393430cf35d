"""Actions that show a server's console: what it wrote, and where a person may look at it."""

from __future__ import annotations

import uuid

from devstack_lite.db import hosts
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.console import Console
from devstack_lite.objects.registry import Json
from devstack_lite.states import PowerState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.console_tokens import SPICE_DIRECT
from services.api.controllers.server_actions.asking import Asking
from services.api.schemas import server_actions as schemas
from services.api.schemas.parameters import whole


class ConsolesController:
    """The URLs are in Nova's form, under a token of their own; no proxy answers there.

    Where a proxy would connect to for a token, /os-console-auth-tokens says.
    """

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
        url = self._url(req, id, asked["protocol"], asked["type"])
        return {"remote_console": {**asked, "url": url}}

    @api(action="os-getVNCConsole", body=schemas.VNC_CONSOLE, until="2.5")
    def vnc_console(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Return where a server's screen may be seen by noVNC."""
        kind = body["os-getVNCConsole"]["type"]
        return {"console": {"type": kind, "url": self._url(req, id, "vnc", kind)}}

    @api(action="os-getSPICEConsole", body=schemas.SPICE_CONSOLE, until="2.5")
    def spice_console(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Return where a server's screen may be seen by SPICE."""
        kind = body["os-getSPICEConsole"]["type"]
        return {"console": {"type": kind, "url": self._url(req, id, "spice", kind)}}

    @api(action="os-getSerialConsole", body=schemas.SERIAL_CONSOLE, until="2.5")
    def serial_console(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Return where a server's serial console may be seen, if there were one."""
        kind = body["os-getSerialConsole"]["type"]
        return {"console": {"type": kind, "url": self._url(req, id, "serial", kind)}}

    def _url(self, req: Request, server_id: str, protocol: str, kind: str) -> str:
        """Return where a console is seen, having it kept where its token leads.

        Raises NotFound, Forbidden, Invalid for one that there is not, Conflict for a server that
        does not run.
        """
        instance = self._asking.get(req, server_id, "os_compute_api:os-remote-consoles")
        token = str(uuid.uuid4())
        url = {
            ("vnc", "novnc"): f"{self._conf.vnc.novncproxy_base_url}?path=%3Ftoken%3D{token}",
            ("spice", "spice-html5"): f"{self._conf.spice.html5proxy_base_url}?token={token}",
            ("spice", SPICE_DIRECT):
                f"{self._conf.spice.spice_direct_proxy_base_url}?token={token}",
        }.get((protocol, kind))  # fmt: skip
        if instance.power_state is not PowerState.RUNNING or instance.host is None:
            raise _not_ready(instance)
        if url is None:
            raise Invalid(f"Unavailable console type {kind}.")
        port = self._compute.get_console_port(
            req.context, host=instance.host, instance=instance, display=protocol
        )
        node = hosts.get_node(self._asking.db, str(instance.node))
        self._asking.changes.record_console(
            req.context, token=token,
            console=Console(
                instance_uuid=instance.uuid, console_type=kind, node=str(instance.node),
                host=node.host_ip, port=port,
            ),
        )  # fmt: skip
        return url


def _not_ready(instance: Instance) -> Conflict:
    return Conflict(f"Instance {instance.uuid} is not ready", kind="instance")
