"""Tokens through identity's real pipeline: issued, validated, refused, revoked."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cryptography.fernet import Fernet

from devstack_lite.clients.identity import IdentityClient
from devstack_lite.exceptions import Unauthorized
from devstack_lite.steps import TRACE_HEADER, from_header
from tests.api import identity_cloud
from tests.api.conftest import Cloud
from tests.api.identity_cloud import (
    PASSWORDS,
    PROJECT_ID,
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


def test_versions(keystone: Keystone) -> None:
    """Anybody is told that v3 is here."""
    listed = keystone.api("GET", "/", token=None)
    assert listed.status == 300
    [version] = listed.json["versions"]["values"]
    assert version["links"][0]["href"] == "http://cloud.test/v3/"
    for path in ("/v3", "/v3/"):
        shown = keystone.api("GET", path, token=None)
        assert (shown.status, shown.json["version"]["status"]) == (200, "stable")


def test_token_says_who_on_what_with_which_roles(keystone: Keystone) -> None:
    """A token by password carries its project, the roles with those they imply, and the catalog."""
    answer = keystone.issue(password_auth("admin", scope=project("demo")))
    assert answer.status == 201
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    token = answer.json["token"]
    assert token["user"] == {
        "id": USER_ID["admin"], "name": "admin", "password_expires_at": None,
        "domain": {"id": "default", "name": "Default"},
    }  # fmt: skip
    assert token["project"]["id"] == PROJECT_ID["demo"]
    assert [role["name"] for role in token["roles"]] == ["admin", "manager", "member", "reader"]
    assert token["methods"] == ["password"]
    catalog = {entry["type"]: entry for entry in token["catalog"]}
    assert set(catalog) == {
        "identity", "compute", "image", "network", "volumev3", "block-storage",
        "placement",
    }  # fmt: skip
    urls = {one["interface"]: one["url"] for one in catalog["volumev3"]["endpoints"]}
    assert set(urls) == {"public", "internal", "admin"}
    assert urls["public"].endswith(f"/v3/{PROJECT_ID['demo']}")
    assert {one["region"] for one in catalog["compute"]["endpoints"]} == {"RegionOne"}


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        (None, "project"),
        ({"project": {"id": PROJECT_ID["admin"]}}, "project"),
        (project("admin"), "project"),
        ({"domain": {"id": "default"}}, "domain"),
        ({"domain": {"name": "Default"}}, "domain"),
        ({"system": {"all": True}}, "system"),
        ({"unscoped": {}}, None),
        ("unscoped", None),
    ],
)
def test_scopes(keystone: Keystone, scope: Any, kind: str | None) -> None:
    """Each scope of v3 is understood; without one the default project is taken."""
    token = keystone.issue(password_auth("admin", scope=scope)).json["token"]
    assert {"project", "domain", "system"} & set(token) == ({kind} if kind else set())
    assert ("roles" in token) == ("catalog" in token) == (kind is not None)


def test_catalog_on_demand(keystone: Keystone, admin: str) -> None:
    """A token is shown without its catalog when that is asked for, the catalog also alone."""
    answer = keystone.issue(password_auth("admin"), query="?nocatalog")
    assert "catalog" not in answer.json["token"]
    alone = keystone("GET", "/auth/catalog", token=admin).json["catalog"]
    assert alone == keystone.validate(admin).json["token"]["catalog"]
    unscoped = keystone.token("admin", scope="unscoped")
    kinds = {
        one["type"] for one in keystone("GET", "/auth/catalog", token=unscoped).json["catalog"]
    }
    assert "compute" in kinds
    assert "volumev3" not in kinds


def test_token_by_token(keystone: Keystone) -> None:
    """A token gets another for another project: it lives no longer, and says how it was got."""
    first = keystone.issue(password_auth("admin"))
    answer = keystone.issue(token_auth(first.headers["X-Subject-Token"], project("demo")))
    assert answer.status == 201
    before, after = first.json["token"], answer.json["token"]
    assert after["project"]["name"] == "demo"
    assert after["expires_at"] == before["expires_at"]
    assert after["methods"] == ["password", "token"]
    assert after["audit_ids"][1:] == before["audit_ids"]
    same = keystone.issue(token_auth(first.headers["X-Subject-Token"]))
    assert same.json["token"]["project"]["name"] == "admin"


@pytest.mark.parametrize(
    "body",
    [
        password_auth("demo", "wrong"),
        password_auth("demo", ""),
        password_auth("nobody", "wrong"),
        password_auth("demo", "x" * 100_000),
        password_auth("", "wrong", id=USER_ID["demo"]),
        password_auth("demo", scope=project("admin")),
        password_auth("demo", scope=project("nothing")),
        password_auth("demo", scope={"project": {"id": "all"}}),
        password_auth("demo", scope={"project": {"id": "default"}}),
        password_auth("demo", scope={"domain": {"id": "default"}}),
        password_auth("demo", scope={"domain": {"id": "nothing"}}),
        password_auth("demo", scope={"system": {"all": True}}),
        token_auth("nonsense"),
        token_auth("ä"),
        token_auth(Fernet(Fernet.generate_key()).encrypt(b"{}").decode()),
        {"auth": {"identity": {"methods": ["totp"]}}},
        {"auth": {"identity": {"methods": ["password"]}}},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_who_is_not_known_gets_no_token(keystone: Keystone, body: Any) -> None:
    """401 for a wrong password, user, method or token, and for a scope without a role, alike."""
    answer = keystone.issue(body)
    assert answer.status == 401
    assert answer.json["error"] == {
        "code": 401, "title": "Unauthorized",
        "message": "The request you have made requires authentication.",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"auth": 1},
        {"auth": {}},
        {"auth": {"identity": []}},
        {"auth": {"identity": {"methods": 5}}},
        {"auth": {"identity": {"methods": []}}},
        {"auth": {"identity": {"methods": ["password"], "password": "x"}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "demo"}}}}},
        password_auth("demo", "x", name="demo"),
        password_auth("demo", "x", name=["demo"], domain={"id": "default"}),
        {"auth": {"identity": {"methods": ["token"], "token": {"id": 5}}}},
        password_auth("demo", scope=5),
        password_auth("demo", scope={}),
        password_auth("demo", scope={"galaxy": {}}),
        password_auth("demo", scope={"project": {"name": "demo"}}),
        password_auth("demo", scope={"system": {"all": False}}),
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_malformed_request_is_refused(keystone: Keystone, body: Any) -> None:
    """400, in Keystone's form, for what is no authentication request."""
    answer = keystone.issue(body)
    assert answer.status == 400
    assert answer.json["error"]["title"] == "Bad Request"


def test_validation_by_owner_and_administrator(keystone: Keystone, admin: str) -> None:
    """Owners validate their own tokens, administrators any, others get 403."""
    demo = keystone.token("demo")
    own = keystone.validate(demo)
    assert own.status == 200
    assert own.headers["X-Subject-Token"] == demo
    assert [role["name"] for role in own.json["token"]["roles"]] == ["member", "reader"]
    assert keystone.validate(demo, admin).json["token"] == own.json["token"]
    assert keystone.validate(keystone.token("demo"), demo).status == 200
    refused = keystone.validate(admin, demo)
    assert refused.status == 403
    assert refused.json["error"]["message"] == (
        "You are not authorized to perform the requested action: identity:validate_token."
    )
    head = keystone.api("HEAD", "/v3/auth/tokens", token=admin, headers={"X-Subject-Token": demo})
    assert (head.status, head.data) == (200, b"")


def reseal(cloud: Cloud, token: str, **changes: Any) -> str:
    """Return a token as this cloud would have sealed it with other contents."""
    fernet = Fernet((cloud.state_dir / "identity" / "fernet.key").read_bytes())
    said = json.loads(fernet.decrypt(token.encode()))
    said = {key: value for key, value in {**said, **changes}.items() if value is not ...}
    return fernet.encrypt(json.dumps(said).encode()).decode()


def test_what_is_no_token(cloud: Cloud, keystone: Keystone, admin: str) -> None:
    """404 for a bad subject when the caller's own token is good, 401 when that is bad."""
    foreign = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
    expired = reseal(cloud, admin, expires_at=time.time() - 1)
    of_another_version = reseal(cloud, admin, scope=...)
    unknown_user = reseal(cloud, admin, user_id="f" * 32)
    for bad in ("nonsense", foreign, expired, of_another_version, unknown_user, admin[:-9]):
        answer = keystone.validate(bad, admin)
        assert answer.status == 404, bad
        assert answer.json["error"]["message"] == "Could not find token."
        assert keystone.validate(bad).status == 401
        assert keystone.validate(admin, bad).status == 401
    assert keystone("GET", "/auth/tokens", token=admin).status == 404
    assert keystone("GET", "/auth/tokens", token=None).status == 401


def test_revoked_token_is_worth_nothing(keystone: Keystone, admin: str) -> None:
    """A token that was given back is not valid, and gets no other token either."""
    demo, other = keystone.token("demo"), keystone.token("demo")

    def revoke(subject: str, token: str) -> int:
        headers = {"X-Subject-Token": subject}
        return keystone.api("DELETE", "/v3/auth/tokens", token=token, headers=headers).status

    assert revoke(admin, demo) == 403
    assert revoke(demo, demo) == 204
    assert keystone.validate(demo).status == 401
    assert keystone.validate(demo, admin).status == 404
    assert keystone.issue(token_auth(demo)).status == 401
    assert revoke(demo, admin) == 404
    assert keystone.validate(other).status == 200
    assert revoke(other, admin) == 204
    assert keystone.validate(other).status == 401


def test_validation_tells_who_did_what(keystone: Keystone, admin: str) -> None:
    """Asked for the trace, the answer has the token's issue as step 1 and its own work."""
    assert TRACE_HEADER not in keystone.validate(admin).headers
    answer = keystone.validate(admin, **{TRACE_HEADER: "1"})
    trace = from_header(answer.headers[TRACE_HEADER])
    assert (trace["issued"].step, trace["validated"].step) == (1, 3)
    assert trace["issued"].detail == "for admin"
    assert trace["issued"].duration_s > 0
    assert trace["issued"].start < trace["validated"].start


def test_the_services_client_reads_the_answer(cloud: Cloud, keystone: Keystone) -> None:
    """What the other services ask by is answered with all they want to know."""
    client = IdentityClient(identity_cloud.serve(cloud), timeout_s=5)
    info = client.validate(keystone.token("demo"))
    assert (info.user_id, info.project_id) == (USER_ID["demo"], PROJECT_ID["demo"])
    assert info.roles == ("member", "reader")
    assert info.issued is not None
    assert info.issued.step == 1
    with pytest.raises(Unauthorized):
        client.validate("nonsense")


def test_v2_token(keystone: Keystone) -> None:
    """The old call answers with a token, its project and a catalog in the old form."""

    def ask(auth: Any) -> Any:
        return keystone.api("POST", "/v2.0/tokens", {"auth": auth}, token=None)

    credentials = {"username": "admin", "password": PASSWORDS["admin"]}
    answer = ask({"tenantName": "demo", "passwordCredentials": credentials})
    assert answer.status == 200
    access = answer.json["access"]
    assert access["token"]["tenant"]["id"] == PROJECT_ID["demo"]
    assert keystone.validate(access["token"]["id"]).status == 200
    compute = {entry["type"]: entry for entry in access["serviceCatalog"]}["compute"]
    assert compute["endpoints"][0]["publicURL"] == "http://127.0.0.1:8774/v2.1"
    assert {"name": "admin"} in access["user"]["roles"]
    again = ask({"tenantId": PROJECT_ID["admin"], "token": {"id": access["token"]["id"]}})
    assert again.json["access"]["token"]["tenant"]["name"] == "admin"
    wrong = {"username": "admin", "password": "wrong"}
    assert ask({"tenantName": "demo", "passwordCredentials": wrong}).status == 401
    for auth in ({}, {"passwordCredentials": "x"}, {"passwordCredentials": {"username": "admin"}}):
        assert ask(auth).status == 400


def test_where_a_user_may_go(keystone: Keystone, admin: str) -> None:
    """A user sees the projects, the domains and the system that a token could be for."""

    def names(kind: str, token: str) -> list[str]:
        found = keystone("GET", f"/auth/{kind}", token=token).json
        return [one["name"] for one in found[kind]]

    demo = keystone.token("demo", scope="unscoped")
    assert (names("projects", admin), names("projects", demo)) == (["admin", "demo"], ["demo"])
    assert (names("domains", admin), names("domains", demo)) == (["Default"], [])
    assert keystone("GET", "/auth/system", token=admin).json["system"] == [{"all": True}]
    assert keystone("GET", "/auth/system", token=demo).json["system"] == []
