"""What every action on a server begins with: whose it is, who asks, and whether it may be asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import InstanceInvalidState, InstanceIsLocked
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.wsgi.request import Request
from services.api.asking import ask_host
from services.api.policy import require_admin, require_member, visible_project
from services.api.quotas import ProjectQuotas
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.instance_changes import InstanceChangesAPI
from services.conductor.rpcapi.instances import InstancesAPI
from services.conductor.rpcapi.moves import MovesAPI


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAction:
    """An action that a server's host carries out, with Nova's words for it."""

    name: str
    event: str
    rule: str
    vm_states: tuple[VmState, ...]
    task_state: TaskState
    is_for_admins: bool = False
    is_overtaking: bool = False
    """What waits for the server's own host ends for it, and that host is not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Whom the actions' controllers ask."""

    conf: Any
    db: Database
    instances: InstancesAPI
    changes: InstanceChangesAPI
    compute: ComputeAPI
    quotas: ProjectQuotas
    moves: MovesAPI

    def get(self, req: Request, uuid: str, rule: str, *, is_for_admins: bool = False) -> Instance:
        """Return a server that the caller may do this to. Raises NotFound, Forbidden."""
        found = instances.get_instance(self.db, uuid, project_id=visible_project(req.context))
        (require_admin if is_for_admins else require_member)(req.context, rule)
        return found

    def get_unlocked(self, req: Request, uuid: str, rule: str) -> Instance:
        """Return a server likewise, unless it is locked. Raises InstanceIsLocked besides."""
        found = self.get(req, uuid, rule)
        if found.is_locked and not req.context.is_admin:
            raise InstanceIsLocked.of(found.uuid)
        return found

    def get_moving(
        self, req: Request, uuid: str, action: HostAction, target: str | None
    ) -> Instance:
        """Return a server that the caller may move, to a host that is named or to any.

        Raises NotFound, Forbidden, InstanceInvalidState.
        """
        named = replace(action, rule=f"{action.rule}:host") if target else action
        return self.get_built(req, uuid, named)

    def get_built(self, req: Request, uuid: str, action: HostAction) -> Instance:
        """Return a server that the caller may do this to, and that has a host.

        Raises NotFound, Forbidden, InstanceInvalidState.
        """
        seen = self.get(req, uuid, action.rule, is_for_admins=action.is_for_admins)
        if seen.host is None:
            raise InstanceInvalidState.of(
                seen.uuid, action=action.name, attribute="vm_state", state=seen.vm_state
            )
        return seen

    def require_ready(self, seen: Instance, action: HostAction) -> None:
        """Raise InstanceInvalidState as noting the action would, before anything is done for it."""
        for attribute, state, is_fit in (
            ("vm_state", seen.vm_state, seen.vm_state in action.vm_states),
            ("task_state", seen.task_state, seen.task_state is None),
        ):
            if not is_fit:
                raise InstanceInvalidState.of(
                    seen.uuid, action=action.name, attribute=attribute, state=str(state)
                )

    def begin(
        self,
        req: Request,
        uuid: str,
        action: HostAction,
        *,
        arguments: Json | None = None,
        changes: Json | None = None,
    ) -> Instance:
        """Have the server's host do it; return the server as it is while that is under way.

        Raises NotFound, Forbidden, InstanceIsLocked, InstanceInvalidState.
        """
        seen = self.get_built(req, uuid, action)
        instance = self.note(req, seen, action, arguments=arguments, changes=changes)
        if not action.is_overtaking:
            self.ask(req, instance)
        return instance

    def note(
        self,
        req: Request,
        seen: Instance,
        action: HostAction,
        *,
        arguments: Json | None = None,
        changes: Json | None = None,
    ) -> Instance:
        """Have it noted that this is under way; nobody is asked yet.

        Raises NotFound, InstanceIsLocked, InstanceInvalidState.
        """
        return self.instances.begin_action(
            req.context, uuid=seen.uuid, action=action.name, event=action.event,
            vm_states=action.vm_states, task_state=action.task_state, arguments=arguments,
            changes=changes, is_overtaking=action.is_overtaking,
        )  # fmt: skip

    def ask(self, req: Request, instance: Instance) -> None:
        """Ask the server's host for what is under way."""
        ask_host(self.compute, req.context, instance)
