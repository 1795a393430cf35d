"""Users, projects, roles and grants through identity's real pipeline."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.objects.identity import Assignment, Project, User
from devstack_lite.rpc.transport import get_transport
from services.conductor.rpcapi.identity import IdentityAPI
from tests.api import identity_cloud
from tests.api.conftest import Cloud
from tests.api.identity_cloud import (
    PROJECT_ID,
    ROLE_ID,
    USER_ID,
    Keystone,
    password_auth,
    project,
    token_auth,
)


@pytest.fixture(scope="module")
def keystone(cloud: Cloud) -> Keystone:
    identity_cloud.seed(cloud)
    return Keystone(cloud)


@pytest.fixture(scope="module")
def admin(keystone: Keystone) -> str:
    return keystone.token("admin")


@pytest.fixture(scope="module")
def demo(keystone: Keystone) -> str:
    return keystone.token("demo")


@pytest.fixture
def user(keystone: Keystone, admin: str) -> Iterator[dict[str, Any]]:
    """A new user with the password `secret` who is a member of demo, and gone afterwards."""
    body = {
        "user": {"name": "anna", "password": "secret", "default_project_id": PROJECT_ID["demo"]}
    }
    made = keystone("POST", "/users", body, token=admin)
    assert made.status == 201, made.data
    found: dict[str, Any] = made.json["user"]
    path = f"/projects/{PROJECT_ID['demo']}/users/{found['id']}/roles/{ROLE_ID['member']}"
    assert keystone("PUT", path, token=admin).status == 204
    yield found
    keystone("DELETE", f"/users/{found['id']}", token=admin)


def names(answer: Any, noun: str) -> list[str]:
    return [one["name"] for one in answer.json[noun]]


@pytest.mark.parametrize(
    ("noun", "more"),
    [
        ("user", {"email": "a@example.org", "description": "first", "enabled": False}),
        ("project", {"description": "first", "enabled": False}),
        ("role", {"description": "first"}),
    ],
)
def test_life_of_a_thing(keystone: Keystone, admin: str, noun: str, more: dict[str, Any]) -> None:
    """It is made, listed, shown, changed and removed; its name is taken once."""
    nouns = f"{noun}s"
    made = keystone("POST", f"/{nouns}", {noun: {"name": "one", **more}}, token=admin)
    assert made.status == 201, made.data
    own = made.json[noun]
    assert {key: own[key] for key in more} == more
    assert own["links"]["self"] == f"http://cloud.test/v3/{nouns}/{own['id']}"
    assert "password" not in str(set(own) - {"password_expires_at"})
    path = f"/{nouns}/{own['id']}"
    assert keystone("GET", path, token=admin).json[noun] == own
    assert names(keystone("GET", f"/{nouns}?name=one", token=admin), nouns) == ["one"]
    taken = keystone("POST", f"/{nouns}", {noun: {"name": "one"}}, token=admin)
    assert taken.status == 409
    assert "Duplicate entry found with name one" in taken.json["error"]["message"]
    changed = keystone("PATCH", path, {noun: {"name": "two", "description": None}}, token=admin)
    assert changed.status == 200
    assert changed.json[noun]["name"] == "two"
    seeded = {"user": "demo", "project": "demo", "role": "member"}[noun]
    assert keystone("PATCH", path, {noun: {"name": seeded}}, token=admin).status == 409
    assert keystone("PATCH", path, {noun: {}}, token=admin).json[noun]["name"] == "two"
    assert keystone("DELETE", path, token=admin).status == 204
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {noun: {"name": "x"}})):
        gone = keystone(method, path, body, token=admin)
        assert gone.status == 404
        assert gone.json["error"]["message"] == f"Could not find {noun}: {own['id']}."


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/users", None),
        ("POST", "/users", {"user": {"name": "x"}}),
        ("GET", f"/users/{USER_ID['admin']}", None),
        ("GET", f"/users/{USER_ID['admin']}/projects", None),
        ("PATCH", f"/users/{USER_ID['demo']}", {"user": {"enabled": False}}),
        ("DELETE", f"/users/{USER_ID['demo']}", None),
        ("GET", "/projects", None),
        ("POST", "/projects", {"project": {"name": "x"}}),
        ("GET", f"/projects/{PROJECT_ID['admin']}", None),
        ("PATCH", f"/projects/{PROJECT_ID['demo']}", {"project": {"enabled": False}}),
        ("DELETE", f"/projects/{PROJECT_ID['demo']}", None),
        ("GET", "/roles", None),
        ("POST", "/roles", {"role": {"name": "x"}}),
        ("DELETE", f"/roles/{ROLE_ID['member']}", None),
        ("GET", "/role_assignments", None),
        ("GET", "/role_inferences", None),
        ("GET", f"/projects/{PROJECT_ID['demo']}/users/{USER_ID['demo']}/roles", None),
        ("PUT", f"/projects/{PROJECT_ID['demo']}/users/{USER_ID['demo']}/roles/{ROLE_ID['admin']}",
         None),
        ("PUT", f"/system/users/{USER_ID['demo']}/roles/{ROLE_ID['admin']}", None),
        ("GET", "/domains", None),
        ("GET", "/services", None),
        ("GET", "/endpoints", None),
    ],
)  # fmt: skip
def test_administrators_business(
    keystone: Keystone, demo: str, method: str, path: str, body: Any
) -> None:
    """403 in Keystone's words for everybody else, 401 for nobody; nothing is changed."""
    refused = keystone(method, path, body, token=demo)
    assert refused.status == 403, refused.data
    assert refused.json["error"]["message"].startswith(
        "You are not authorized to perform the requested action: identity:"
    )
    assert keystone(method, path, body, token=None).status == 401
    assert keystone.validate(demo).status == 200


@pytest.mark.parametrize("noun", ["user", "project", "domain", "group", "role"])
def test_what_else_is_said_is_kept(keystone: Keystone, admin: str, noun: str) -> None:
    """Attributes that Keystone does not know are kept, shown and added to; its own stay its own."""
    body = {noun: {"name": f"said-{noun}", "project_id": "p", "links": "none", "enabled": False}}
    if noun in {"group", "role"}:
        del body[noun]["enabled"]
    made = keystone("POST", f"/{noun}s", body, token=admin)
    assert made.status == 201, made.data
    path = f"/{noun}s/{made.json[noun]['id']}"
    changed = keystone("PATCH", path, {noun: {"colour": {"hue": 1}}}, token=admin)
    assert changed.status == 200, changed.data
    shown = keystone("GET", path, token=admin).json[noun]
    assert shown == changed.json[noun]
    assert (shown["project_id"], shown["colour"], shown["name"]) == (
        "p",
        {"hue": 1},
        f"said-{noun}",
    )
    assert shown["links"]["self"].endswith(path)
    assert keystone("DELETE", path, token=admin).status == 204


def test_policies_are_kept(keystone: Keystone, admin: str, demo: str) -> None:
    """A policy is made, shown, listed, changed and removed, by an administrator alone."""
    body = {"policy": {"type": "application/json", "blob": '{"a": "rule:b"}', "user_id": "u"}}
    assert keystone("POST", "/policies", body, token=demo).status == 403
    made = keystone("POST", "/policies", body, token=admin)
    assert made.status == 201, made.data
    path = f"/policies/{made.json['policy']['id']}"
    changed = keystone("PATCH", path, {"policy": {"type": "text/plain"}}, token=admin)
    shown = keystone("GET", path, token=admin).json["policy"]
    assert shown == changed.json["policy"]
    assert {key: shown[key] for key in ("type", "blob", "user_id")} == {
        **body["policy"], "type": "text/plain",
    }  # fmt: skip
    assert [one["id"] for one in keystone("GET", "/policies", token=admin).json["policies"]] == [
        shown["id"]
    ]
    assert keystone("POST", "/policies", {"policy": {"type": "x"}}, token=admin).status == 400
    assert keystone("GET", path, token=demo).status == 403
    assert keystone("DELETE", path, token=admin).status == 204
    assert keystone("GET", path, token=admin).status == 404


def test_what_users_see_of_themselves(keystone: Keystone, demo: str) -> None:
    """Users see themselves, the project of their token, their projects and their domain."""
    assert keystone("GET", f"/users/{USER_ID['demo']}", token=demo).json["user"]["name"] == "demo"
    shown = keystone("GET", f"/projects/{PROJECT_ID['demo']}", token=demo)
    assert shown.json["project"]["name"] == "demo"
    own = keystone("GET", f"/users/{USER_ID['demo']}/projects", token=demo)
    assert names(own, "projects") == ["demo"]
    assert keystone("GET", "/domains/default", token=demo).json["domain"]["name"] == "Default"
    assert names(keystone("GET", "/auth/projects", token=demo), "projects") == ["demo"]
    regions = keystone("GET", "/regions", token=demo).json["regions"]
    assert [one["id"] for one in regions] == ["RegionOne"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/users", {}),
        ("/users", {"user": []}),
        ("/users", {"user": {}}),
        ("/users", {"user": {"name": ""}}),
        ("/users", {"user": {"name": "  "}}),
        ("/users", {"user": {"name": 5}}),
        ("/users", {"user": {"name": "x" * 256}}),
        ("/users", {"user": {"name": "x", "enabled": "yes"}}),
        ("/users", {"user": {"name": "x", "password": 5}}),
        ("/users", {"user": {"name": "x", "options": {"lock_password": True}}}),
        ("/projects", {"project": {"name": "x" * 65}}),
        ("/projects", {"project": {"name": "x", "tags": ["a,b"]}}),
        ("/projects", {"project": {"name": "x", "is_domain": True}}),
        ("/roles", {"role": {"name": "x", "domain_id": "default"}}),
    ],
)
def test_malformed_things_are_refused(keystone: Keystone, admin: str, path: str, body: Any) -> None:
    """400 for what is not well formed, and for what could not be kept."""
    before = keystone("GET", path, token=admin).json
    assert keystone("POST", path, body, token=admin).status == 400
    assert keystone("GET", path, token=admin).json == before


def test_unknown_domain(keystone: Keystone, admin: str, user: dict[str, Any]) -> None:
    """A user's domain must be there, and is the user's for good."""
    body = {"user": {"name": "x", "domain_id": "nowhere"}}
    assert keystone("POST", "/users", body, token=admin).status == 404
    path = f"/users/{user['id']}"
    assert keystone("PATCH", path, {"user": {"domain_id": "x"}}, token=admin).status == 400
    assert keystone("PATCH", path, {"user": {"domain_id": "default"}}, token=admin).status == 200


def test_new_user_logs_in(keystone: Keystone, admin: str, user: dict[str, Any]) -> None:
    """A user with a password and a role gets a token; one without a password does not."""
    token = keystone.token("anna", "secret")
    assert keystone.validate(token).json["token"]["project"]["name"] == "demo"
    path = f"/users/{user['id']}"
    assert keystone("PATCH", path, {"user": {"password": None}}, token=admin).status == 200
    for password in ("secret", ""):
        assert keystone.issue(password_auth("anna", password)).status == 401


def test_own_password(keystone: Keystone, user: dict[str, Any]) -> None:
    """Who knows the old password sets a new one, which ends the tokens got by the old one."""
    token = keystone.token("anna", "secret")
    path = f"/users/{user['id']}/password"

    def change(old: str, new: Any) -> int:
        body = {"user": {"original_password": old, "password": new}}
        return keystone("POST", path, body, token=token).status

    assert change("wrong", "new") == 401
    assert change("secret", "") == 400
    assert change("secret", None) == 400
    assert keystone.validate(token).status == 200
    assert change("secret", "new") == 204
    assert keystone.validate(token).status == 401
    assert keystone.issue(token_auth(token)).status == 401
    assert keystone.issue(password_auth("anna", "secret")).status == 401
    assert keystone.validate(keystone.token("anna", "new")).status == 200


def test_disabled_user(keystone: Keystone, admin: str, user: dict[str, Any]) -> None:
    """A disabled user's tokens are worth nothing, and there are no new ones, until enabled."""
    token = keystone.token("anna", "secret")
    path = f"/users/{user['id']}"
    assert keystone("PATCH", path, {"user": {"enabled": False}}, token=admin).status == 200
    assert keystone.validate(token).status == 401
    assert keystone.validate(token, admin).status == 404
    assert keystone.issue(password_auth("anna", "secret")).status == 401
    assert keystone("PATCH", path, {"user": {"enabled": True}}, token=admin).status == 200
    assert keystone.validate(token).status == 200


def test_removed_user(keystone: Keystone, admin: str, user: dict[str, Any]) -> None:
    """Nothing is left of a removed user: neither token nor assignment."""
    token = keystone.token("anna", "secret")
    assert keystone("DELETE", f"/users/{user['id']}", token=admin).status == 204
    assert keystone.validate(token).status == 401
    held = keystone("GET", f"/role_assignments?user.id={user['id']}", token=admin).json
    assert held["role_assignments"] == []


def test_project_comes_and_goes(keystone: Keystone, admin: str, user: dict[str, Any]) -> None:
    """A token for a project ends when that is disabled or removed; the default one falls away."""
    made = keystone("POST", "/projects", {"project": {"name": "lab"}}, token=admin)
    own = made.json["project"]
    assert (own["parent_id"], own["is_domain"], own["enabled"]) == ("default", False, True)
    grant = f"/projects/{own['id']}/users/{user['id']}/roles/{ROLE_ID['reader']}"
    assert keystone("PUT", grant, token=admin).status == 204
    path, person = f"/projects/{own['id']}", f"/users/{user['id']}"
    body = {"user": {"default_project_id": own["id"]}}
    assert keystone("PATCH", person, body, token=admin).status == 200
    token = keystone.token("anna", "secret")
    assert keystone.validate(token).json["token"]["project"]["name"] == "lab"

    keystone("PATCH", path, {"project": {"enabled": False}}, token=admin)
    assert keystone.validate(token).status == 401
    assert keystone.issue(password_auth("anna", "secret", scope=project("lab"))).status == 401
    # The default project is not open: the token is for nothing, as with Keystone.
    unscoped = keystone.token("anna", "secret")
    assert "project" not in keystone.validate(unscoped).json["token"]
    assert names(keystone("GET", "/auth/projects", token=unscoped), "projects") == ["demo"]

    assert keystone("DELETE", path, token=admin).status == 204
    assert keystone("GET", person, token=admin).json["user"]["default_project_id"] is None
    assert keystone("GET", grant, token=admin).status == 404


@pytest.mark.parametrize(
    ("target", "scope"),
    [
        (f"/projects/{PROJECT_ID['service']}", project("service")),
        ("/domains/default", {"domain": {"id": "default"}}),
        ("/system", {"system": {"all": True}}),
    ],
)
def test_grants(
    keystone: Keystone, admin: str, user: dict[str, Any], target: str, scope: Any
) -> None:
    """A role on a target is given, given again, asked for and taken; tokens follow at once."""
    path = f"{target}/users/{user['id']}/roles"
    one = f"{path}/{ROLE_ID['manager']}"
    auth = password_auth("anna", "secret", scope=scope)
    assert keystone("HEAD", one, token=admin).status == 404
    assert keystone.issue(auth).status == 401
    for _ in range(2):
        assert keystone("PUT", one, token=admin).status == 204
    assert [keystone(method, one, token=admin).status for method in ("HEAD", "GET")] == [204, 204]
    assert names(keystone("GET", path, token=admin), "roles") == ["manager"]
    token = str(keystone.issue(auth).headers["X-Subject-Token"])
    shown = keystone.validate(token).json["token"]
    assert [role["name"] for role in shown["roles"]] == ["manager", "member", "reader"]
    assert keystone("DELETE", one, token=admin).status == 204
    assert keystone("DELETE", one, token=admin).status == 404
    assert keystone.validate(token).status == 401


def test_grants_of_what_is_not_there(keystone: Keystone, admin: str) -> None:
    """404, and no assignment, when the user, the role or the target is unknown."""
    before = keystone("GET", "/role_assignments", token=admin).json
    nobody = "f" * 32
    target, user_id, role_id = PROJECT_ID["demo"], USER_ID["demo"], ROLE_ID["member"]
    for path, noun in (
        (f"/projects/{nobody}/users/{user_id}/roles/{role_id}", "project"),
        (f"/projects/{target}/users/{nobody}/roles/{role_id}", "user"),
        (f"/projects/{target}/users/{user_id}/roles/{nobody}", "role"),
        (f"/domains/{target}/users/{user_id}/roles/{role_id}", "domain"),
    ):
        answer = keystone("PUT", path, token=admin)
        assert answer.status == 404
        assert answer.json["error"]["message"].startswith(f"Could not find {noun}: ")
    assert keystone("GET", f"/projects/{nobody}/users/{user_id}/roles", token=admin).status == 404
    assert keystone("GET", "/role_assignments", token=admin).json == before


def test_built_in_roles_stay(keystone: Keystone, admin: str) -> None:
    """What every policy names can be neither renamed nor removed; other roles go with grants."""
    for name in ("admin", "reader", "service"):
        path = f"/roles/{ROLE_ID[name]}"
        assert keystone("DELETE", path, token=admin).status == 403
        assert keystone("PATCH", path, {"role": {"name": "x"}}, token=admin).status == 403
        shown = keystone("GET", path, token=admin).json["role"]
        assert (shown["name"], shown["options"]) == (name, {"immutable": True})
    own = keystone("POST", "/roles", {"role": {"name": "auditor"}}, token=admin).json["role"]
    grant = f"/projects/{PROJECT_ID['demo']}/users/{USER_ID['demo']}/roles/{own['id']}"
    assert keystone("PUT", grant, token=admin).status == 204
    assert keystone("DELETE", f"/roles/{own['id']}", token=admin).status == 204
    held = keystone("GET", f"/role_assignments?role.id={own['id']}", token=admin).json
    assert held["role_assignments"] == []


def test_role_assignments(keystone: Keystone, admin: str) -> None:
    """They are filtered by user, role and target, named when asked, completed when asked."""

    def found(query: str) -> list[tuple[str, ...]]:
        answer = keystone("GET", f"/role_assignments?{query}", token=admin)
        rows = []
        for one in answer.json["role_assignments"]:
            [(kind, target)] = one["scope"].items()
            what = "all" if kind == "system" else target["name"]
            rows.append((one["user"]["name"], one["role"]["name"], kind, what))
        return sorted(rows)

    assert found("include_names&scope.project.id=" + PROJECT_ID["demo"]) == [
        ("admin", "admin", "project", "demo"),
        ("demo", "member", "project", "demo"),
        ("demo", "reader", "project", "demo"),
    ]
    assert found(f"include_names=True&user.id={USER_ID['admin']}") == [
        ("admin", "admin", "domain", "Default"),
        ("admin", "admin", "project", "admin"),
        ("admin", "admin", "project", "demo"),
        ("admin", "admin", "system", "all"),
    ]
    assert found("include_names&scope.system=all") == [("admin", "admin", "system", "all")]
    assert found("include_names&scope.domain.id=default") == [
        ("admin", "admin", "domain", "Default")
    ]
    assert found("include_names&group.id=x") == []
    query = f"user.id={USER_ID['admin']}&scope.project.id={PROJECT_ID['admin']}"
    assert [row[1] for row in found(f"include_names&effective&{query}")] == [
        "admin", "manager", "member", "reader",
    ]  # fmt: skip
    by_role = f"include_names&effective&role.id={ROLE_ID['manager']}&{query}"
    assert [row[1] for row in found(by_role)] == ["manager"]
    plain = keystone("GET", f"/role_assignments?include_names=False&{query}", token=admin).json
    [one] = plain["role_assignments"]
    assert one["user"] == {"id": USER_ID["admin"]}
    assert one["links"]["assignment"].endswith(
        f"/v3/projects/{PROJECT_ID['admin']}/users/{USER_ID['admin']}/roles/{ROLE_ID['admin']}"
    )
    rules = keystone("GET", "/role_inferences", token=admin).json["role_inferences"]
    assert [(one["prior_role"]["name"], one["implies"][0]["name"]) for one in rules] == [
        ("admin", "manager"), ("manager", "member"), ("member", "reader"),
    ]  # fmt: skip


def test_lists_are_filtered_and_paged(keystone: Keystone, admin: str) -> None:
    """By attribute, by limit and by marker, with a link to what follows."""

    def users(query: str) -> Any:
        return keystone("GET", f"/users?{query}", token=admin)

    assert names(users("enabled=true"), "users") == ["admin", "demo", "nova"]
    assert names(users("enabled=False"), "users") == []
    assert names(users("domain_id=elsewhere"), "users") == []
    assert names(users("colour=red"), "users") == ["admin", "demo", "nova"]
    first = users("limit=2&enabled=1")
    assert names(first, "users") == ["admin", "demo"]
    following = first.json["links"]["next"]
    assert following == f"http://cloud.test/v3/users?limit=2&enabled=1&marker={USER_ID['demo']}"
    rest = keystone.api("GET", following.removeprefix("http://cloud.test"), token=admin)
    assert names(rest, "users") == ["nova"]
    assert rest.json["links"]["next"] is None
    for query in (
        "limit=0",
        "limit=x",
        "limit=-1",
        "limit=",
        f"limit={'9' * 5000}",
        "marker=nobody",
    ):
        assert users(query).status == 400
    projects = keystone("GET", "/projects?is_domain=true", token=admin)
    assert names(projects, "projects") == []
    assert names(keystone("GET", "/domains?name=Default", token=admin), "domains") == ["Default"]


def test_services_endpoints_and_regions(keystone: Keystone, admin: str) -> None:
    """The catalog can be read piece by piece."""
    services = keystone("GET", "/services?type=compute", token=admin).json["services"]
    assert [one["name"] for one in services] == ["nova"]
    service_id = services[0]["id"]
    shown = keystone("GET", f"/services/{service_id}", token=admin)
    assert shown.json["service"] == services[0]
    query = f"service_id={service_id}&interface=public"
    [endpoint] = keystone("GET", f"/endpoints?{query}", token=admin).json["endpoints"]
    shown = keystone("GET", f"/endpoints/{endpoint['id']}", token=admin)
    assert shown.json["endpoint"] == endpoint
    assert keystone("GET", "/regions/RegionOne", token=admin).status == 200
    for path in ("/services/x", "/endpoints/x", "/regions/x", "/domains/x", "/nothing"):
        assert keystone("GET", path, token=admin).status == 404


def test_messages_delivered_twice(cloud: Cloud, keystone: Keystone, admin: str) -> None:
    """The conductor makes a thing once by its id, and gives a role once."""
    conductor = IdentityAPI(get_transport(cloud.conf))
    context = RequestContext()
    one = User(id=uuid.uuid4().hex, name="twice", domain_id="default")
    assert [conductor.create_user(context, user=one) for _ in range(2)] == [one, one]
    lab = Project(id=uuid.uuid4().hex, name="twice", domain_id="default")
    assert [conductor.create_project(context, project=lab) for _ in range(2)] == [lab, lab]
    grant = Assignment(
        user_id=one.id, target_id=lab.id, target_type="project", role_id=ROLE_ID["member"]
    )
    for _ in range(2):
        conductor.grant_role(context, assignment=grant)
    query = f"/role_assignments?user.id={one.id}"
    assert len(keystone("GET", query, token=admin).json["role_assignments"]) == 1
    conductor.delete_user(context, user_id=one.id)
    conductor.delete_project(context, project_id=lab.id)
