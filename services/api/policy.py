"""Whether a caller may do something: oslo.policy over the rules of services.api.policies."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from typing import Any

from oslo_config import cfg
from oslo_policy import opts, policy

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Forbidden
from services.api import policies

LOOK_EVERY_S = 1.0
"""How often the policy file is looked at; the library does at each check: a third of its cost."""

_enforcer: Enforcer | None = None


class Enforcer(policy.Enforcer):  # type: ignore[misc]
    """oslo.policy's, that looks once a second whether its file changed, and asks twice for nothing.

    A check of two roles takes the library 0.15 ms, and a client that polls asks the same each time.
    """

    def __init__(self, conf: Any) -> None:
        super().__init__(conf)
        self._looked_at = float("-inf")
        self._answers: dict[Hashable, bool] = {}
        self._lock = threading.RLock()

    def load_rules(self, force_reload: bool = False) -> None:
        """Read the rules, again if the file changed; who comes meanwhile waits.

        The library empties its rules before it fills them: half of them refuse what all allow.
        """
        if not force_reload and time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        with self._lock:
            if force_reload or time.monotonic() - self._looked_at >= LOOK_EVERY_S:
                super().load_rules(force_reload)
                self._answers = {}
                self._looked_at = time.monotonic()

    def allows(
        self, context: RequestContext, rule: str, *, project_id: str | None, user_id: str | None
    ) -> bool:
        """Say whether a rule lets the caller do something to what a project or user has."""
        self.load_rules()
        who = (context.user_id, context.project_id)
        asked = (rule, *context.roles, "", *who, project_id, user_id)
        known = self._answers.get(asked)
        if known is not None:
            return known
        target = {"project_id": project_id, "user_id": user_id}
        with self._lock:
            answer = bool(self.authorize(rule, target, context.to_policy_values(), do_raise=False))
            self._answers[asked] = answer
        return answer


def enforcer() -> Enforcer:
    """Return this process's enforcer."""
    global _enforcer
    if _enforcer is None:
        opts.set_defaults(cfg.CONF, policy_file="policy.yaml")
        made = Enforcer(cfg.CONF)
        made.suppress_default_change_warnings = True
        made.register_defaults(policies.list_rules())
        _enforcer = made
    return _enforcer


def allows(
    context: RequestContext, rule: str, *, project_id: str | None = None, user_id: str | None = None
) -> bool:
    """Say whether a rule lets the caller do it.

    project_id, user_id: whose thing it is; the caller's own when not given, as it is for everything
    that was looked up among what the caller may see.
    """
    return enforcer().allows(
        context,
        rule,
        project_id=project_id or context.project_id,
        user_id=user_id or context.user_id,
    )


def authorize(
    context: RequestContext, rule: str, *, project_id: str | None = None, user_id: str | None = None
) -> None:
    """Raise Forbidden, in Nova's words, unless allows() does."""
    if not allows(context, rule, project_id=project_id, user_id=user_id):
        raise Forbidden(f"Policy doesn't allow {rule} to be performed.")


def require_manager(context: RequestContext, rule: str) -> None:
    """Raise Forbidden unless the rule, whose default is for managers, lets the caller."""
    authorize(context, rule)


def require_admin(context: RequestContext, rule: str) -> None:
    """Raise Forbidden unless the rule, whose default is for administrators, lets the caller."""
    authorize(context, rule)


def require_member(context: RequestContext, rule: str) -> None:
    """Raise Forbidden unless the rule, whose default is for members, lets the caller."""
    authorize(context, rule)


def visible_project(context: RequestContext) -> str | None:
    """Return the project whose instances the caller may touch; None is all of them."""
    return None if context.is_admin else context.project_id
