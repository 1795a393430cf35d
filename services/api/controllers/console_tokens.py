"""/os-console-auth-tokens: where a console's proxy connects to for a token; for administrators."""

from __future__ import annotations

from devstack_lite.db import console_tokens
from devstack_lite.db.engine import Database
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import require_admin
from services.api.schemas import queries

SPICE_DIRECT = "spice-direct"


class ConsoleTokensController:
    """Reads what the conductor keeps of the consoles that were asked for."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @api(query=queries.CONSOLE_TOKEN)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show where a token leads, from 2.31 on: before, RDP alone had this. Raises NotFound."""
        if not req.since(2, 31):
            raise HttpError(
                400,
                "The server could not comply with the request since it is either malformed or"
                " otherwise incorrect.",
            )
        require_admin(req.context, "os_compute_api:os-console-auth-tokens")
        found = console_tokens.find_console(self._db, id)
        shown: Json = {
            "instance_uuid": found.instance_uuid,
            "host": found.host,
            "port": found.port,
            "internal_access_path": None,
        }
        if req.since(2, 99) and found.console_type == SPICE_DIRECT:
            shown["tls_port"] = None
        return {"console": shown}
