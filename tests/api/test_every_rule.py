"""Every route of the compute API asks a rule of the policy, the one that its table names for it."""

from __future__ import annotations

import re

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.wsgi.router import Route
from services.api import policies
from services.api.policy import Enforcer
from tests.api.asker import Asker, make_asker, make_server
from tests.api.conftest import ADMIN, Cloud
from tests.api.every_route import (
    ACTION_BODIES,
    ACTIONS,
    ASKING,
    BETWEEN,
    OTHERS_BODIES,
    PLAIN,
    VERSIONS,
    body_of,
    label,
    name_of,
)

OPEN = {
    "flavors.index": "what a project may boot is for whoever has a token",
    "flavors.detail": "the same; a rule decides on the extra specs alone",
    "flavors.show": "the same",
    "images": "the image service asks its own",
    "image_metadata": "the image service asks its own",
}
"""Routes, or whole resources, for which Nova has no rule, and why."""


@pytest.fixture(scope="module")
def asker(cloud: Cloud) -> Asker:
    return make_asker(cloud)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Give the names of the rules that were asked."""
    found: set[str] = set()
    real = Enforcer.allows

    def allows(own: Enforcer, context: RequestContext, rule: str, **target: str | None) -> bool:
        found.add(rule)
        return real(own, context, rule, **target)

    monkeypatch.setattr(Enforcer, "allows", allows)
    return found


def rules_of(method: str, path: str, action: str = "") -> set[str]:
    """Return the rules that the table has for a route, whatever its parts in braces are called."""
    wanted = re.sub(r"\{\w+\}", "{}", path)
    found = set()
    for rule in policies.list_rules():
        for operation in getattr(rule, "operations", ()):
            own, _, note = operation["path"].partition(" ")
            is_it = operation["method"] == method and re.sub(r"\{\w+\}", "{}", own) == wanted
            if is_it and (not action or action in note):
                found.add(rule.name)
    return found


@pytest.mark.parametrize(
    "route",
    [one for one in PLAIN if name_of(one) not in OPEN and one.resource not in OPEN],
    ids=label,
)
def test_a_route_asks_its_rule(asker: Asker, asked: set[str], route: Route) -> None:
    for version in BETWEEN.get(name_of(route), VERSIONS):
        asker.ask(route.method, asker.path(route), body_of(route, version), ADMIN, version)
    assert asked & rules_of(route.method, route.path), asked


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_asks_its_rule(cloud: Cloud, asker: Asker, asked: set[str], action: str) -> None:
    path = f"/servers/{make_server(cloud, host=None if action in ASKING else 'nowhere')}/action"
    for version in VERSIONS:
        value = ACTION_BODIES.get(action)
        if version != "2.1":
            value = OTHERS_BODIES.get(action, value)
        asker.ask("POST", path, {action: value}, ADMIN, version)
    assert asked & rules_of("POST", "/servers/{id}/action", action), asked
