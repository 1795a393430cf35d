"""POST /servers/{id}/backup_instance; runs in the api's workers."""

from __future__ import annotations

from typing import Any

from devstack_lite.wsgi import validation
from devstack_lite.wsgi.decorators import expected_errors, response
from devstack_lite.wsgi.extensions import ControllerExtension, Environment, ExtensionDescriptor
from devstack_lite.wsgi.request import Request

RULE = "os_compute_api:os-backup-instance"

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": {"type": ["string", "null"], "maxLength": 255},
    },
    "required": ["name"],
    "additionalProperties": False,
}


class BackupController:
    """Extends `servers`; its method is routed as a member action."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    @response(202)
    @expected_errors((404, 409))
    @validation.schema(SCHEMA)
    def backup_instance(self, req: Request, id: str, body: Any) -> dict[str, str]:
        """Have an image made of a server; return the image's id at once.

        The API's own action does it: it checks the server's state, and what it has begun is
        finished whichever worker dies.
        """
        self._env.authorize(req.context, RULE)
        wanted = {"name": body["name"], "metadata": {"description": body.get("description") or ""}}
        reply = self._env.act_on_server(req, id, {"createImage": wanted})
        if reply.body:  # since microversion 2.45
            return {"id": reply.body["image_id"]}
        return {"id": reply.headers["Location"].rsplit("/", 1)[-1]}


class BackupInstance(ExtensionDescriptor):
    """A quick backup of a server."""

    name = "BackupInstance"
    alias = "os-backup-instance"
    updated = "2026-11-21T00:00:00Z"

    def get_controller_extensions(self) -> list[ControllerExtension]:
        actions = {"backup_instance": "POST"}
        controller = BackupController(self.env)
        return [ControllerExtension(self, "servers", controller, member_actions=actions)]

    def get_policies(self) -> dict[str, str]:
        return {RULE: "member"}
