"""Who may do what: the defaults, an override, and what the table must hold."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg
from oslo_policy import policy as oslo_policy

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Forbidden
from services.api import policies, policy
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER_PROJECT, Api, Cloud

READER = f"viewer:{DEMO_PROJECT}:reader"
API = Path(policies.__file__).parent


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    return cloud.api("osapi_compute")


@pytest.fixture
def overrides(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a policy file that does not exist yet, and an enforcer that looks at it each time."""
    path = tmp_path / "policy.yaml"
    monkeypatch.setattr(policy, "_enforcer", None)
    monkeypatch.setattr(policy, "LOOK_EVERY_S", 0.0)
    policy.enforcer()
    cfg.CONF.set_override("policy_file", str(path), group="oslo_policy")
    monkeypatch.setattr(policy, "_enforcer", None)
    yield path
    cfg.CONF.clear_override("policy_file", group="oslo_policy")


def test_a_reader_sees_and_changes_nothing(api: Api) -> None:
    """In Nova's words."""
    assert api("GET", "/v2.1/servers/detail", token=READER).status == 200
    body = {"server": {"name": "x", "flavorRef": "1", "imageRef": ""}}
    answer = api("POST", "/v2.1/servers", body, token=READER)
    assert answer.status == 403
    assert answer.json["forbidden"]["message"] == (
        "Policy doesn't allow os_compute_api:servers:create to be performed."
    )


def test_a_file_overrides_a_rule_and_is_read_again(api: Api, overrides: Path) -> None:
    """A member lists services once the file says so, and no more once it does not."""
    assert api("GET", "/v2.1/os-services", token=DEMO).status == 403
    overrides.write_text('"os_compute_api:os-services:list": "role:member"\n')
    assert api("GET", "/v2.1/os-services", token=DEMO).status == 200
    assert api("GET", "/v2.1/os-services", token=READER).status == 403
    overrides.write_text('"os_compute_api:os-services:list": "!"\n')
    assert api("GET", "/v2.1/os-services", token=ADMIN).status == 403


def test_nobody_is_judged_by_rules_that_are_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes while another thread reads the rules waits for all of them."""
    reads, reading, go_on = oslo_policy.Enforcer.load_rules, threading.Event(), threading.Event()

    def read_slowly(self: oslo_policy.Enforcer, force_reload: bool = False) -> None:
        reading.set()
        assert go_on.wait(10.0)
        reads(self, force_reload)

    monkeypatch.setattr(policy, "_enforcer", None)
    monkeypatch.setattr(oslo_policy.Enforcer, "load_rules", read_slowly)
    fresh = policy.enforcer()
    member = RequestContext(user_id="u", project_id="p", roles=["member", "reader"])
    rule = "os_compute_api:servers:create"
    with ThreadPoolExecutor(2) as pool:
        ask = partial(fresh.allows, member, rule, project_id="p", user_id="u")
        first = pool.submit(ask)
        assert reading.wait(10.0)
        second = pool.submit(ask)
        assert wait([second], timeout=0.2).not_done == {second}
        go_on.set()
        assert first.result(10.0) is second.result(10.0) is True


def test_what_is_shown_is_a_rule_s_to_say(api: Api, overrides: Path) -> None:
    """Extra specs of flavors, a server's host attributes, another project's limits, key pairs."""
    latest = {"OpenStack-API-Version": "compute 2.104"}
    made = {"flavor": {"name": "tiny", "id": "t1", "ram": 1, "vcpus": 1, "disk": 1}}
    assert api("POST", "/v2.1/flavors", made, token=ADMIN).status == 200

    def shown() -> list[Any]:
        flavor = api("GET", "/v2.1/flavors/t1", headers=latest).json["flavor"]
        limits = api("GET", f"/v2.1/limits?tenant_id={OTHER_PROJECT}").status
        others = api("GET", "/v2.1/os-keypairs?user_id=other", headers=latest).status
        own = api("GET", "/v2.1/os-keypairs", headers=latest).status
        return ["extra_specs" in flavor, limits, others, own]

    assert shown() == [True, 403, 403, 200]
    overrides.write_text(
        '"os_compute_api:os-flavor-extra-specs:index": "!"\n'
        '"os_compute_api:limits:other_project": "role:member"\n'
        '"os_compute_api:os-keypairs:index": "not user_id:%(user_id)s"\n'
    )
    assert shown() == [False, 200, 200, 403]


@pytest.mark.parametrize(
    ("roles", "project_id", "allowed"),
    [
        (["member", "reader"], DEMO_PROJECT, {"reader", "member"}),
        (["reader"], DEMO_PROJECT, {"reader"}),
        (["member", "reader"], OTHER_PROJECT, set()),
        (["manager", "member", "reader"], DEMO_PROJECT, {"reader", "member", "manager"}),
        (["manager", "member", "reader"], OTHER_PROJECT, set()),
        (["admin"], OTHER_PROJECT, {"reader", "member", "manager", "admin", "service"}),
        (["service"], DEMO_PROJECT, {"service"}),
    ],
)
def test_personas(cloud: Cloud, roles: list[str], project_id: str, allowed: set[str]) -> None:
    """Of what another project has only an administrator may do anything."""
    context = RequestContext(user_id="u", project_id=project_id, roles=roles)
    rules = {
        "reader": "os_compute_api:servers:show",
        "member": "os_compute_api:servers:start",
        "manager": "os_compute_api:os-migrate-server:migrate",
        "admin": "os_compute_api:os-services:list",
        "service": "os_compute_api:os-assisted-volume-snapshots:create",
    }

    def may(rule: str) -> bool:
        try:
            policy.authorize(context, rule, project_id=DEMO_PROJECT)
        except Forbidden:
            return False
        return True

    assert {who for who, rule in rules.items() if may(rule)} == allowed


def test_every_rule_in_the_code_is_in_the_table() -> None:
    """Written out, or put together from a RULE of its module."""
    known = {rule.name for rule in policies.list_rules()}
    for path in API.rglob("*.py"):
        text = path.read_text()
        found = set(re.findall(r'"((?:os_compute_api|compute):[\w:-]+[\w])"', text))
        prefix = re.search(r'^_?RULE = "([\w:-]+?):?"$', text, re.MULTILINE)
        found -= set(re.findall(r'^_?[A-Z_]*RULE = "([\w:-]+)"$', text, re.MULTILINE))
        if prefix is not None:
            found.discard(prefix[1])
            ends = re.findall(r'\{RULE\}:([\w:-]+)"', text) + re.findall(
                r'_RULE \+ "([\w-]+)"', text
            )
            found |= {f"{prefix[1]}:{end}" for end in ends}
        assert found <= known, path.name
