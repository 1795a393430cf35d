"""Identity with the cloud's first rows, behind its real pipeline: what its tests start from."""

from __future__ import annotations

from typing import Any

from devstack_lite.cloud import SeedSettings
from devstack_lite.db import bootstrap, migrate
from devstack_lite.db.bootstrap import seed_id
from devstack_lite.wsgi.server import HttpWorker, bind
from tests.api.conftest import Answer, Api, Cloud

PASSWORDS = {"admin": "admin's", "demo": "demo's", "nova": "nova's"}


def seed(cloud: Cloud) -> None:
    """Put the first rows into a database whose tables are there."""
    with cloud.db.write() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{migrate.HEAD}')")
    settings = SeedSettings(
        database_url=str(cloud.db.engine.url),
        reader_url="",
        reader_user="test_reader",
        reader_password="reads",
        admin_password=PASSWORDS["admin"],
        demo_password=PASSWORDS["demo"],
        service_password=PASSWORDS["nova"],
        region="RegionOne",
        endpoints={},
        state_dir=cloud.state_dir,
    )
    bootstrap.run(settings)


def serve(cloud: Cloud) -> str:
    """Serve identity by HTTP, named by its own catalog; return its URL."""
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v3"
    cloud.conf.set_override("identity", url, group="endpoints")
    worker = HttpWorker(listener, cloud.load("identity"), threads=4)
    worker.start()
    cloud.workers.append(worker)
    return url


def project(name: str) -> dict[str, Any]:
    """Return the scope of a project of the default domain."""
    return {"project": {"name": name, "domain": {"id": "default"}}}


def password_auth(
    user: str, password: str | None = None, *, scope: Any = None, **named: Any
) -> dict[str, Any]:
    """Return the body of a token request by password; named instead of the user's name."""
    own = named or {"name": user, "domain": {"name": "Default"}}
    secret = PASSWORDS[user] if password is None else password
    identity = {"methods": ["password"], "password": {"user": {**own, "password": secret}}}
    auth: dict[str, Any] = {"identity": identity}
    if scope is not None:
        auth["scope"] = scope
    return {"auth": auth}


def token_auth(token: str, scope: Any = None) -> dict[str, Any]:
    """Return the body of a token request by a token."""
    auth: dict[str, Any] = {"identity": {"methods": ["token"], "token": {"id": token}}}
    if scope is not None:
        auth["scope"] = scope
    return {"auth": auth}


class Keystone:
    """Sends requests to identity; a request without a token is nobody's."""

    def __init__(self, cloud: Cloud) -> None:
        self.api: Api = cloud.api("identity")

    def issue(self, body: dict[str, Any], *, query: str = "") -> Answer:
        return self.api("POST", f"/v3/auth/tokens{query}", body, token=None)

    def token(self, user: str, password: str | None = None, **more: Any) -> str:
        """Return a new token, scoped to the default project when not told otherwise."""
        answer = self.issue(password_auth(user, password, **more))
        assert answer.status == 201, answer.data
        return str(answer.headers["X-Subject-Token"])

    def validate(self, subject: str, token: str | None = None, **headers: str) -> Answer:
        """Ask about a token, by itself or by another."""
        return self.api(
            "GET",
            "/v3/auth/tokens",
            token=token or subject,
            headers={"X-Subject-Token": subject, **headers},
        )

    def __call__(self, method: str, path: str, body: Any = None, *, token: str | None) -> Answer:
        return self.api(method, f"/v3{path}", body, token=token)


USER_ID = {name: seed_id(f"user/{name}") for name in PASSWORDS}
PROJECT_ID = {name: seed_id(f"project/{name}") for name in bootstrap.PROJECTS}
ROLE_ID = {name: seed_id(f"role/{name}") for name in bootstrap.BUILT_IN_ROLES}
