"""The policy rules that extensions bring, beside those of services.api.policies."""

from __future__ import annotations

from collections.abc import Mapping

from oslo_policy.policy import RuleDefault

from services.api.policies import ADMIN, ANY, MEMBER, READER
from services.api.policy import enforcer

CHECKS = {"admin": ADMIN, "member": MEMBER, "reader": READER, "any": ANY}


def check(policies: Mapping[str, str]) -> None:
    """Raise ValueError for a rule that lets nobody we know."""
    for name, who in policies.items():
        if who not in CHECKS:
            raise ValueError(f"the rule {name} lets {who}, who is none of {', '.join(CHECKS)}")


def register(policies: Mapping[str, str]) -> None:
    """Have the enforcer know these rules; those that it knows stay as they are."""
    known = enforcer()
    new = {name: who for name, who in policies.items() if name not in known.registered_rules}
    for name, who in new.items():
        known.register_default(RuleDefault(name, CHECKS[who], "Of an extension."))
    if new:
        known.load_rules(force_reload=True)
