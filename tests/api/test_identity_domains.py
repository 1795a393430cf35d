"""Domains, groups and inference rules through identity's real pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api import identity_cloud
from tests.api.conftest import Cloud
from tests.api.identity_cloud import PROJECT_ID, ROLE_ID, USER_ID, Keystone, password_auth

Json = dict[str, Any]


@pytest.fixture(scope="module")
def keystone(cloud: Cloud) -> Keystone:
    identity_cloud.seed(cloud)
    return Keystone(cloud)


@pytest.fixture(scope="module")
def admin(keystone: Keystone) -> str:
    return keystone.token("admin")


@pytest.fixture
def lab(keystone: Keystone, admin: str) -> Iterator[Json]:
    """A domain with a project and the user `anna`, a member of it; gone afterwards."""
    domain = make(keystone, admin, "domain", name="lab")
    project = make(keystone, admin, "project", name="bench", domain_id=domain["id"])
    user = make(keystone, admin, "user", name="anna", password="secret", domain_id=domain["id"])
    path = f"/projects/{project['id']}/users/{user['id']}/roles/{ROLE_ID['member']}"
    assert keystone("PUT", path, token=admin).status == 204
    yield {"domain": domain, "project": project, "user": user}
    path = f"/domains/{domain['id']}"
    if keystone("PATCH", path, {"domain": {"enabled": False}}, token=admin).status == 200:
        assert keystone("DELETE", path, token=admin).status == 204


@pytest.fixture
def group(keystone: Keystone, admin: str) -> Iterator[Json]:
    made = make(keystone, admin, "group", name="crew", description="who works")
    yield made
    keystone("DELETE", f"/groups/{made['id']}", token=admin)


def make(keystone: Keystone, admin: str, noun: str, **body: Any) -> Json:
    answer = keystone("POST", f"/{noun}s", {noun: body}, token=admin)
    assert answer.status == 201, answer.data
    found: Json = answer.json[noun]
    return found


def login(lab: Json, **domain: str) -> Json:
    """Return the body of anna's token request for the project, both named in a domain."""
    scope = {"project": {"name": "bench", "domain": domain}}
    return password_auth("anna", "secret", scope=scope, name="anna", domain=domain)


def test_a_domain_is_a_name_space(keystone: Keystone, admin: str, lab: Json) -> None:
    """The same names may be in two domains; a token tells whose they are."""
    make(keystone, admin, "user", name="demo", domain_id=lab["domain"]["id"])
    token = keystone.issue(login(lab, name="lab")).json["token"]
    domain = {"id": lab["domain"]["id"], "name": "lab"}
    assert token["user"]["domain"] == token["project"]["domain"] == domain
    assert keystone.issue(login(lab, id="default")).status == 401
    query = f"/users?domain_id={domain['id']}"
    found = keystone("GET", query, token=admin).json["users"]
    assert [one["name"] for one in found] == ["anna", "demo"]
    again = keystone("POST", "/domains", {"domain": {"name": "lab"}}, token=admin)
    assert again.status == 409


def test_a_name_that_is_another_domains_id(keystone: Keystone, admin: str) -> None:
    """An id goes before a name: nobody takes another domain's place by its name."""
    fake = make(keystone, admin, "domain", name="default")
    make(keystone, admin, "user", name="admin", password="x", domain_id=fake["id"])
    user = {"name": "admin", "domain": {"id": "default"}}
    assert keystone.issue(password_auth("admin", "x", **user)).status == 401
    token = keystone.issue(password_auth("admin", **user)).json["token"]
    assert token["user"]["id"] == USER_ID["admin"]
    path = f"/domains/{fake['id']}"
    keystone("PATCH", path, {"domain": {"enabled": False}}, token=admin)
    assert keystone("DELETE", path, token=admin).status == 204


def test_a_disabled_domain_ends_its_tokens(keystone: Keystone, admin: str, lab: Json) -> None:
    """Neither its users nor anybody on its projects can go on; enabled again, they can."""
    sealed = keystone.issue(login(lab, name="lab")).headers["X-Subject-Token"]
    path = f"/domains/{lab['domain']['id']}"
    assert keystone("PATCH", path, {"domain": {"enabled": False}}, token=admin).status == 200
    assert keystone.validate(sealed).status == 401
    assert keystone.issue(login(lab, name="lab")).status == 401
    assert keystone("PATCH", path, {"domain": {"enabled": True}}, token=admin).status == 200
    assert keystone.validate(sealed).status == 200


def test_a_domain_goes_when_it_is_disabled(keystone: Keystone, admin: str, lab: Json) -> None:
    """With all that is in it; an enabled one stays, and so does the default one."""
    path = f"/domains/{lab['domain']['id']}"
    refused = keystone("DELETE", path, token=admin)
    assert refused.status == 403
    assert "please disable it first" in refused.json["error"]["message"]
    keystone("PATCH", path, {"domain": {"enabled": False}}, token=admin)
    assert keystone("DELETE", path, token=admin).status == 204
    for gone in (path, f"/users/{lab['user']['id']}", f"/projects/{lab['project']['id']}"):
        assert keystone("GET", gone, token=admin).status == 404
    refused = keystone("DELETE", "/domains/default", token=admin)
    assert refused.status == 403
    assert "delete the default domain" in refused.json["error"]["message"]


def test_roles_by_group(keystone: Keystone, admin: str, group: Json) -> None:
    """Whoever is in a group has its roles, and no longer when it or they are gone."""
    nova = {"name": "nova", "domain": {"id": "default"}}
    scope = {"project": {"id": PROJECT_ID["demo"]}}
    wanted = password_auth("nova", scope=scope, **nova)
    assert keystone.issue(wanted).status == 401
    member = f"/groups/{group['id']}/users/{USER_ID['nova']}"
    assert keystone("HEAD", member, token=admin).status == 404
    assert keystone("PUT", member, token=admin).status == 204
    grant = f"/projects/{PROJECT_ID['demo']}/groups/{group['id']}/roles/{ROLE_ID['member']}"
    assert keystone("PUT", grant, token=admin).status == 204
    assert keystone("HEAD", grant, token=admin).status == 204
    issued = keystone.issue(wanted)
    assert [role["name"] for role in issued.json["token"]["roles"]] == ["member", "reader"]
    sealed = issued.headers["X-Subject-Token"]
    own = keystone("GET", f"/users/{USER_ID['nova']}/groups", token=sealed).json["groups"]
    assert [one["name"] for one in own] == ["crew"]
    projects = keystone("GET", "/auth/projects", token=sealed).json["projects"]
    assert "demo" in [one["name"] for one in projects]
    users = keystone("GET", f"/groups/{group['id']}/users", token=admin).json["users"]
    assert [one["name"] for one in users] == ["nova"]
    assert keystone("DELETE", member, token=admin).status == 204
    assert keystone.validate(sealed).status == 401


def test_assignments_of_groups(keystone: Keystone, admin: str, group: Json) -> None:
    """They are listed as the group's; effective ones as their members', saying by which group."""
    keystone("PUT", f"/groups/{group['id']}/users/{USER_ID['nova']}", token=admin)
    target = PROJECT_ID["demo"]
    given = f"/projects/{target}/groups/{group['id']}/roles/{ROLE_ID['member']}"
    keystone("PUT", given, token=admin)

    def found(query: str) -> list[Json]:
        answer = keystone("GET", f"/role_assignments?{query}", token=admin)
        assert answer.status == 200, answer.data
        shown: list[Json] = answer.json["role_assignments"]
        return shown

    [own] = found(f"group.id={group['id']}&include_names")
    assert own["group"]["name"] == "crew"
    assert own["links"]["assignment"].endswith(given)
    query = f"effective&include_names&user.id={USER_ID['nova']}&scope.project.id={target}"
    shown = found(query)
    assert [(one["user"]["name"], one["role"]["name"]) for one in shown] == [
        ("nova", "member"), ("nova", "reader"),
    ]  # fmt: skip
    assert shown[0]["links"]["membership"].endswith(
        f"/groups/{group['id']}/users/{USER_ID['nova']}"
    )
    assert shown[1]["links"]["prior_role"].endswith(
        f"/prior_role/{ROLE_ID['member']}/implies/{ROLE_ID['reader']}"
    )
    assert found(f"user.id={USER_ID['nova']}&scope.project.id={target}") == []
    for refused in (f"effective&group.id={group['id']}", "user.id=a&group.id=b"):
        assert keystone("GET", f"/role_assignments?{refused}", token=admin).status == 400


def test_a_role_may_imply_others(keystone: Keystone, admin: str) -> None:
    """A rule works in tokens at once; those of the built-in roles stay."""
    extra = make(keystone, admin, "role", name="auditor")
    rule = f"/roles/{ROLE_ID['member']}/implies/{extra['id']}"
    assert keystone("GET", rule, token=admin).status == 404
    made = keystone("PUT", rule, token=admin)
    assert made.status == 201
    assert made.json["role_inference"]["implies"]["name"] == "auditor"
    assert keystone("HEAD", rule, token=admin).status == 204
    demo = keystone.issue(password_auth("demo")).json["token"]
    assert {role["name"] for role in demo["roles"]} == {"member", "reader", "auditor"}
    listed = keystone("GET", f"/roles/{ROLE_ID['member']}/implies", token=admin).json
    names = [one["name"] for one in listed["role_inference"]["implies"]]
    assert names == ["reader", "auditor"]
    assert keystone("DELETE", rule, token=admin).status == 204
    assert keystone("DELETE", rule, token=admin).status == 404
    kept = f"/roles/{ROLE_ID['member']}/implies/{ROLE_ID['reader']}"
    assert keystone("DELETE", kept, token=admin).status == 403
    to_admin = f"/roles/{extra['id']}/implies/{ROLE_ID['admin']}"
    assert keystone("PUT", to_admin, token=admin).status == 403
    assert keystone("PUT", f"/roles/{extra['id']}/implies/x", token=admin).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/domains"),
        ("DELETE", "/domains/default"),
        ("GET", "/groups"),
        ("POST", "/groups"),
        ("GET", "/role_inferences"),
        ("GET", "/role_assignments"),
    ],
)
def test_administrators_business(keystone: Keystone, method: str, path: str) -> None:
    """Others are refused, before anything is said about what they asked for."""
    noun = path.strip("/").split("/", maxsplit=1)[0][:-1]
    body = {noun: {"name": "x"}} if method == "POST" else None
    assert keystone(method, path, body, token=keystone.token("demo")).status == 403
