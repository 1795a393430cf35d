"""Application credentials, trusts and other credentials through identity's real pipeline."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.db.schema_identity import application_credentials, trusts
from tests.api import identity_cloud
from tests.api.conftest import Answer, Cloud
from tests.api.identity_cloud import (
    PROJECT_ID,
    ROLE_ID,
    USER_ID,
    Keystone,
    password_auth,
    project,
    token_auth,
)

Json = dict[str, Any]

DEMO = USER_ID["demo"]
PATH = f"/users/{DEMO}/application_credentials"


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


@pytest.fixture(scope="module")
def nova(keystone: Keystone) -> str:
    return keystone.token("nova")


@pytest.fixture(scope="module")
def eve(keystone: Keystone, admin: str) -> str:
    """A token of a user who is only a reader of demo."""
    body = {"user": {"name": "eve", "password": "e", "default_project_id": PROJECT_ID["demo"]}}
    user_id = keystone("POST", "/users", body, token=admin).json["user"]["id"]
    grant = f"/projects/{PROJECT_ID['demo']}/users/{user_id}/roles/{ROLE_ID['reader']}"
    assert keystone("PUT", grant, token=admin).status == 204
    return keystone.token("eve", "e")


@pytest.fixture
def made(keystone: Keystone, demo: str) -> Iterator[Json]:
    """An application credential of demo's with the role reader, and gone afterwards."""
    answer = create(keystone, demo, name="ci", roles=[{"name": "reader"}], description="robot")
    assert answer.status == 201, answer.data
    found: Json = answer.json["application_credential"]
    yield found
    keystone("DELETE", f"{PATH}/{found['id']}", token=demo)


@pytest.fixture
def trust(keystone: Keystone, demo: str) -> Iterator[Json]:
    """Demo's role member on demo, lent to nova under demo's name; gone afterwards."""
    answer = lend(keystone, demo)
    assert answer.status == 201, answer.data
    found: Json = answer.json["trust"]
    yield found
    keystone("DELETE", f"/OS-TRUST/trusts/{found['id']}", token=demo)


def create(keystone: Keystone, token: str, **body: Any) -> Answer:
    return keystone("POST", PATH, {"application_credential": body}, token=token)


def secret_auth(scope: Any = None, **named: Any) -> Json:
    identity = {"methods": ["application_credential"], "application_credential": named}
    auth: Json = {"identity": identity}
    if scope is not None:
        auth["scope"] = scope
    return {"auth": auth}


def lend(keystone: Keystone, token: str, **more: Any) -> Answer:
    body = {
        "trustor_user_id": DEMO, "trustee_user_id": USER_ID["nova"], "impersonation": True,
        "project_id": PROJECT_ID["demo"], "roles": [{"name": "member"}], **more,
    }  # fmt: skip
    return keystone("POST", "/OS-TRUST/trusts", {"trust": body}, token=token)


def by_trust(keystone: Keystone, trust: Json, user: str = "nova") -> Answer:
    scope = {"OS-TRUST:trust": {"id": trust["id"]}}
    return keystone.issue(password_auth(user, scope=scope))


def test_an_application_credential_logs_in(keystone: Keystone, made: Json) -> None:
    """By id or by its user's name and its own, on its project, with no more than its roles."""
    assert (made["description"], made["unrestricted"], made["expires_at"]) == ("robot", False, None)
    assert made["project_id"] == PROJECT_ID["demo"]
    user = {"name": "demo", "domain": {"id": "default"}}
    for named in ({"id": made["id"]}, {"name": "ci", "user": user}):
        issued = keystone.issue(secret_auth(secret=made["secret"], **named))
        assert issued.status == 201, issued.data
        token = issued.json["token"]
        assert [role["name"] for role in token["roles"]] == ["reader"]
        assert token["project"]["name"] == "demo"
        assert token["application_credential"] == {
            "id": made["id"], "name": "ci", "restricted": True,
        }  # fmt: skip
        shown = keystone.validate(issued.headers["X-Subject-Token"]).json["token"]
        assert shown["application_credential"]["id"] == made["id"]


def test_application_credentials_are_listed_without_secrets(
    keystone: Keystone, admin: str, demo: str, eve: str, made: Json
) -> None:
    """To their user and administrators alone; each name is a user's once."""
    for token in (demo, admin):
        [found] = keystone("GET", f"{PATH}?name=ci", token=token).json["application_credentials"]
        assert found["id"] == made["id"]
        assert "secret" not in str(found)
        assert keystone("GET", f"{PATH}/{made['id']}", token=token).status == 200
    assert keystone("GET", PATH, token=eve).status == 403
    assert create(keystone, demo, name="ci").status == 409
    assert create(keystone, admin, name="other").status == 403
    unknown = keystone("GET", f"{PATH}/x", token=demo)
    assert unknown.status == 404
    assert unknown.json["error"]["message"] == "Could not find application credential: x."


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "roles": [{"name": "admin"}]},
        {"name": "x", "expires_at": "2001-01-01T00:00:00"},
        {"name": "x", "expires_at": "tomorrow"},
        {"name": "x", "access_rules": [{"path": "/", "method": "GET", "service": "compute"}]},
        {"secret": "s"},
    ],
)
def test_application_credential_refused(keystone: Keystone, demo: str, body: Json) -> None:
    """One that gives what its user lacks, is over already, or promises rules, is none."""
    assert create(keystone, demo, **body).status == 400


def test_what_is_no_application_credential(keystone: Keystone, made: Json) -> None:
    """A wrong secret, an unknown id or name: all the same 401."""
    user = {"id": DEMO}
    for named in (
        {"id": made["id"], "secret": "wrong"},
        {"id": "x", "secret": made["secret"]},
        {"name": "x", "user": user, "secret": made["secret"]},
        {"name": "ci", "user": {"id": "x"}, "secret": made["secret"]},
    ):
        assert keystone.issue(secret_auth(**named)).status == 401


def test_application_credential_ends(
    cloud: Cloud, keystone: Keystone, admin: str, demo: str
) -> None:
    """Its tokens end when it does: when it expires, is removed, or its user loses the role."""
    soon = (utcnow() + datetime.timedelta(minutes=5)).isoformat()
    made = create(keystone, demo, name="short", expires_at=soon).json["application_credential"]
    wanted = secret_auth(id=made["id"], secret=made["secret"])
    issued = keystone.issue(wanted)
    assert issued.json["token"]["expires_at"][:19] == made["expires_at"][:19] == soon[:19]
    sealed = issued.headers["X-Subject-Token"]
    own = application_credentials
    past = utcnow() - datetime.timedelta(seconds=1)
    with cloud.db.write() as connection:
        connection.execute(own.update().where(own.c.id == made["id"]).values(expires_at=past))
    assert keystone.validate(sealed).status == 401
    assert keystone.issue(wanted).status == 401
    assert keystone("DELETE", f"{PATH}/{made['id']}", token=demo).status == 204
    assert keystone("DELETE", f"{PATH}/{made['id']}", token=demo).status == 404
    assert keystone.issue(wanted).status == 401


def test_restricted_and_unrestricted(keystone: Keystone, demo: str, made: Json) -> None:
    """Only a token by an unrestricted one may make more; none gets what was not delegated."""
    issued = keystone.issue(secret_auth(id=made["id"], secret=made["secret"]))
    sealed = issued.headers["X-Subject-Token"]
    refused = create(keystone, sealed, name="more")
    assert refused.status == 403
    assert "Using method 'application_credential'" in refused.json["error"]["message"]
    assert keystone("DELETE", f"{PATH}/{made['id']}", token=sealed).status == 403
    again = keystone.issue(token_auth(sealed)).json["token"]
    assert [role["name"] for role in again["roles"]] == ["reader"]
    assert again["application_credential"]["id"] == made["id"]
    assert keystone.issue(token_auth(sealed, "unscoped")).status == 403
    free = create(keystone, demo, name="free", unrestricted=True).json["application_credential"]
    issued = keystone.issue(secret_auth(id=free["id"], secret=free["secret"]))
    assert issued.json["token"]["application_credential"]["restricted"] is False
    more = create(keystone, issued.headers["X-Subject-Token"], name="more")
    assert more.status == 201
    for name in (free["id"], more.json["application_credential"]["id"]):
        assert keystone("DELETE", f"{PATH}/{name}", token=demo).status == 204


def test_a_trust_lends_roles(keystone: Keystone, demo: str, trust: Json) -> None:
    """Under the trustor's name when impersonating, else under the trustee's."""
    issued = by_trust(keystone, trust)
    assert issued.status == 201, issued.data
    token = issued.json["token"]
    assert token["user"]["name"] == "demo"
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert token["OS-TRUST:trust"] == {
        "id": trust["id"], "impersonation": True,
        "trustor_user": {"id": DEMO}, "trustee_user": {"id": USER_ID["nova"]},
    }  # fmt: skip
    sealed = issued.headers["X-Subject-Token"]
    assert keystone.validate(sealed).status == 200
    assert lend(keystone, sealed).status == 403
    assert keystone.issue(token_auth(sealed, project("demo"))).status == 201
    plain = lend(keystone, demo, impersonation=False).json["trust"]
    token = by_trust(keystone, plain).json["token"]
    assert (token["user"]["name"], token["project"]["name"]) == ("nova", "demo")
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert keystone("DELETE", f"/OS-TRUST/trusts/{plain['id']}", token=demo).status == 204


def test_who_sees_and_ends_a_trust(
    keystone: Keystone, admin: str, demo: str, nova: str, trust: Json
) -> None:
    """Its two sides see it, the trustor ends it, and with it the tokens got by it."""
    path = f"/OS-TRUST/trusts/{trust['id']}"
    for token, side in ((demo, "trustor"), (nova, "trustee")):
        user_id = trust[f"{side}_user_id"]
        found = keystone("GET", f"/OS-TRUST/trusts?{side}_user_id={user_id}", token=token)
        assert [one["id"] for one in found.json["trusts"]] == [trust["id"]]
        assert keystone("GET", path, token=token).json["trust"]["roles"][0]["name"] == "member"
    assert keystone("GET", "/OS-TRUST/trusts", token=demo).status == 403
    assert keystone("GET", "/OS-TRUST/trusts", token=admin).status == 200
    roles = keystone("GET", f"{path}/roles", token=demo).json["roles"]
    assert [role["id"] for role in roles] == [ROLE_ID["member"]]
    assert keystone("HEAD", f"{path}/roles/{ROLE_ID['member']}", token=demo).status == 200
    assert keystone("GET", f"{path}/roles/{ROLE_ID['admin']}", token=demo).status == 404
    sealed = by_trust(keystone, trust).headers["X-Subject-Token"]
    assert keystone("DELETE", path, token=demo).status == 204
    assert keystone.validate(sealed).status == 401
    assert by_trust(keystone, trust).status == 401
    assert keystone("GET", path, token=demo).status == 404


def test_a_trust_is_the_trustees(keystone: Keystone, trust: Json) -> None:
    """Nobody else gets a token by it."""
    refused = by_trust(keystone, trust, "admin")
    assert (refused.status, refused.json["error"]["message"]) == (403, "User is not a trustee.")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"roles": []}, 403),
        ({"roles": [{"name": "admin"}]}, 404),
        ({"roles": [{"name": "x"}]}, 404),
        ({"trustor_user_id": USER_ID["nova"]}, 403),
        ({"trustee_user_id": "x"}, 404),
        ({"project_id": "x"}, 404),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 400),
        ({"remaining_uses": 0}, 400),
        ({"allow_redelegation": True}, 400),
    ],
)
def test_trust_refused(keystone: Keystone, demo: str, more: Json, status: int) -> None:
    """Nobody lends what they do not have, or in another's name."""
    assert lend(keystone, demo, **more).status == status


def test_a_trust_is_used_up(cloud: Cloud, keystone: Keystone, demo: str) -> None:
    """So many tokens and no more; those that were got go on until it expires."""
    trust = lend(keystone, demo, remaining_uses=1).json["trust"]
    issued = by_trust(keystone, trust)
    assert issued.status == 201
    assert by_trust(keystone, trust).status == 401
    sealed = issued.headers["X-Subject-Token"]
    assert keystone.validate(sealed).status == 200
    past = utcnow() - datetime.timedelta(seconds=1)
    with cloud.db.write() as connection:
        connection.execute(sa.update(trusts).values(expires_at=past))
    assert keystone.validate(sealed).status == 401


def test_a_trust_lends_no_more_than_is_held(keystone: Keystone, admin: str, demo: str) -> None:
    """It is worth nothing while the trustor lacks what was lent."""
    trust = lend(keystone, demo).json["trust"]
    grant = f"/projects/{PROJECT_ID['demo']}/users/{DEMO}/roles/{ROLE_ID['member']}"
    assert keystone("DELETE", grant, token=admin).status == 204
    assert by_trust(keystone, trust).status == 401
    assert keystone("PUT", grant, token=admin).status == 204
    assert by_trust(keystone, trust).status == 201


def test_credentials_are_kept(keystone: Keystone, admin: str, demo: str, eve: str) -> None:
    """Each user keeps their own; an administrator sees everybody's."""
    body = {"type": "cert", "blob": "secret", "user_id": DEMO, "project_id": PROJECT_ID["demo"]}
    made = keystone("POST", "/credentials", {"credential": body}, token=demo)
    assert made.status == 201
    own = made.json["credential"]
    path = f"/credentials/{own['id']}"
    assert {key: own[key] for key in body} == body
    assert keystone("GET", path, token=admin).json["credential"] == own
    assert keystone("GET", path, token=eve).status == 403
    assert keystone("GET", "/credentials", token=eve).json["credentials"] == []
    found = keystone("GET", f"/credentials?user_id={DEMO}&type=cert", token=admin).json
    assert found["credentials"] == [own]
    change = {"credential": {"blob": "other"}}
    assert keystone("PATCH", path, change, token=demo).json["credential"]["blob"] == "other"
    stolen = {"credential": {"user_id": USER_ID["nova"]}}
    assert keystone("PATCH", path, stolen, token=demo).status == 403
    assert keystone("DELETE", path, token=demo).status == 204
    assert keystone("GET", path, token=demo).status == 404
    other = {"credential": {**body, "user_id": USER_ID["nova"]}}
    assert keystone("POST", "/credentials", other, token=demo).status == 403


def test_access_keys(keystone: Keystone, admin: str, demo: str, eve: str) -> None:
    """They are credentials of the type ec2, under the hash of their first half."""
    path = f"/users/{DEMO}/credentials/OS-EC2"
    made = keystone("POST", path, {"tenant_id": PROJECT_ID["demo"]}, token=demo)
    assert made.status == 201
    key = made.json["credential"]
    assert (key["user_id"], key["tenant_id"]) == (DEMO, PROJECT_ID["demo"])
    own = f"{path}/{key['access']}"
    assert keystone("GET", own, token=demo).json["credential"] == key
    assert keystone("GET", path, token=admin).json["credentials"] == [key]
    assert keystone("GET", path, token=eve).status == 403
    [kept] = keystone("GET", "/credentials?type=ec2", token=demo).json["credentials"]
    assert json.loads(kept["blob"])["secret"] == key["secret"]
    assert keystone("DELETE", own, token=demo).status == 204
    assert keystone("GET", own, token=demo).status == 404
    unknown = keystone("POST", path, {"tenant_id": "x"}, token=demo)
    assert unknown.status == 404
    half = {"type": "ec2", "blob": "{}", "user_id": DEMO, "project_id": PROJECT_ID["demo"]}
    assert keystone("POST", "/credentials", {"credential": half}, token=demo).status == 400
