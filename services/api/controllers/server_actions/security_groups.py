"""addSecurityGroup, removeSecurityGroup: a server's ports in the groups that network keeps."""

from __future__ import annotations

from devstack_lite.db import server_network
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.controllers.server_actions.asking import Asking
from services.api.schemas import network_proxies as schemas
from services.conductor.rpcapi.security_groups import SecurityGroupsAPI

RULE = "os_compute_api:os-security-groups"


class SecurityGroupsController:
    """Which security groups a server is in."""

    def __init__(self, asking: Asking, groups: SecurityGroupsAPI) -> None:
        self._asking = asking
        self._groups = groups

    @api(status=202, action="addSecurityGroup", body=schemas.server_group("addSecurityGroup"))
    def add(self, req: Request, id: str, body: Json) -> None:  # noqa: A002 - the route's name
        """Put a server's ports into a group, by name or id."""
        seen, group_id = self._find(req, id, body["addSecurityGroup"]["name"], "add")
        self._groups.add_to_server(req.context, instance_uuid=seen.uuid, group_id=group_id)

    @api(status=202, action="removeSecurityGroup", body=schemas.server_group("removeSecurityGroup"))
    def remove(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Take a server's ports out of a group, by name or id."""
        seen, group_id = self._find(req, id, body["removeSecurityGroup"]["name"], "remove")
        self._groups.remove_from_server(req.context, instance_uuid=seen.uuid, group_id=group_id)

    def _find(self, req: Request, uuid: str, name: str, verb: str) -> tuple[Instance, str]:
        """Return the server, and the id of its project's group.

        Raises NotFound, Forbidden, Conflict, InstanceIsLocked.
        """
        seen = self._asking.get_unlocked(req, uuid, f"{RULE}:{verb}")
        [group_id] = server_network.find_groups(self._asking.db, seen.project_id, [name])
        return seen, group_id
