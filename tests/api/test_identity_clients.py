"""Identity over real HTTP, asked by the unmodified SDK and the openstack command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
from keystoneauth1 import session
from keystoneauth1.identity import v3
from openstack import exceptions as sdk_exceptions

from tests.api import identity_cloud
from tests.api.conftest import Cloud
from tests.api.identity_cloud import PASSWORDS, PROJECT_ID


@pytest.fixture(scope="module")
def url(cloud: Cloud) -> str:
    identity_cloud.seed(cloud)
    return identity_cloud.serve(cloud)


def credentials(url: str, user: str, password: str | None = None) -> dict[str, str]:
    return {
        "auth_url": url,
        "username": user,
        "password": PASSWORDS[user] if password is None else password,
        "project_name": "demo",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }


def connect(url: str, user: str, password: str | None = None) -> Any:
    return openstack.connect(
        **credentials(url, user, password),
        region_name="RegionOne",
        load_yaml_config=False,
        load_envvars=False,
    )


@pytest.fixture(scope="module")
def admin(url: str) -> Iterator[Any]:
    connection = connect(url, "admin")
    yield connection
    connection.close()


def command(url: str, *arguments: str, user: str = "admin", shows: bool = True) -> Any:
    """Run the openstack command; return its JSON."""
    own = {f"OS_{key.upper()}": value for key, value in credentials(url, user).items()}
    done = subprocess.run(
        [str(Path(sys.executable).parent / "openstack"), *arguments,
         *(["-f", "json"] if shows else [])],
        env={**os.environ, **own, "OS_IDENTITY_API_VERSION": "3"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if shows else None


def test_the_sdk_keeps_users_projects_and_roles(url: str, admin: Any) -> None:
    """What an administrator does for a new colleague, through the SDK."""
    identity = admin.identity
    project = identity.create_project(name="lab", description="the lab")
    user = identity.create_user(name="bob", password="first", default_project_id=project.id)
    role = identity.find_role("member")
    identity.assign_project_role_to_user(project, user, role)
    assert identity.validate_user_has_project_role(project, user, role)
    assert [one.name for one in identity.user_projects(user)] == ["lab"]

    bob = openstack.connect(
        **{**credentials(url, "bob", "first"), "project_name": "lab"},
        load_yaml_config=False, load_envvars=False,
    )  # fmt: skip
    assert bob.current_project_id == project.id
    with pytest.raises(sdk_exceptions.ForbiddenException):
        list(bob.identity.users())
    bob.identity.update_password(user, "first", "second")
    bob.close()
    with pytest.raises(Exception, match="requires authentication"):
        connect(url, "bob", "first").authorize()

    assert identity.update_user(user, email="bob@example.org", is_enabled=False).email
    assert identity.find_user("bob").is_enabled is False
    assert identity.update_project(project, name="laboratory").name == "laboratory"
    with pytest.raises(sdk_exceptions.ConflictException):
        identity.create_user(name="bob")
    identity.unassign_project_role_from_user(project, user, role)
    assert not identity.validate_user_has_project_role(project, user, role)
    for thing in (user, project):
        getattr(identity, f"delete_{thing.resource_key}")(thing)
    assert identity.find_user("bob") is None
    assert identity.find_project("laboratory") is None


def test_an_application_credential_logs_in(url: str) -> None:
    """Made by the SDK, used by keystoneauth, gone when the SDK removes it."""
    demo = connect(url, "demo", PASSWORDS["demo"])
    made = demo.identity.create_application_credential(
        user=demo.current_user_id, name="ci", roles=[{"name": "reader"}]
    )
    robot = session.Session(
        auth=v3.ApplicationCredential(
            auth_url=url,
            application_credential_id=made.id,
            application_credential_secret=made.secret,
        )
    )
    assert robot.get_project_id() == PROJECT_ID["demo"]
    assert robot.auth.get_access(robot).role_names == ["reader"]
    demo.identity.delete_application_credential(demo.current_user_id, made.id)
    robot.auth.invalidate()
    with pytest.raises(Exception, match="requires authentication"):
        robot.get_token()
    demo.close()


def test_the_sdk_reads(admin: Any) -> None:
    """Domains, services, endpoints, regions and assignments, as the SDK lists them."""
    identity = admin.identity
    assert identity.find_domain("Default").id == "default"
    assert identity.find_service("nova").type == "compute"
    assert len(list(identity.endpoints(service_id=identity.find_service("nova").id))) == 3
    assert [one.id for one in identity.regions()] == ["RegionOne"]
    named = list(identity.role_assignments(include_names=True))
    assert ("demo", "member") in {(one.user["name"], one.role["name"]) for one in named}
    assert [one.name for one in identity.projects(name="demo")] == ["demo"]
    assert [one.name for one in identity.users(limit=1)] == ["admin", "demo", "nova"]


@pytest.mark.parametrize(
    "scope",
    [
        {"project_id": PROJECT_ID["admin"]},
        {"domain_name": "Default"},
        {"system_scope": "all"},
        {"unscoped": True},
    ],
)
def test_keystoneauth_scopes(url: str, scope: dict[str, Any]) -> None:
    """The clients' library gets a token for each scope, another one by it, and gives it back."""
    plugin = v3.Password(
        auth_url=url, username="admin", password=PASSWORDS["admin"], user_domain_id="default",
        **scope,
    )  # fmt: skip
    own = session.Session(auth=plugin)
    token = own.get_token()
    by_token = v3.Token(auth_url=url, token=token, **scope)
    assert session.Session(auth=by_token).get_user_id() == own.get_user_id()
    own.delete(f"{url}/auth/tokens", headers={"X-Subject-Token": token}, authenticated=True)
    with pytest.raises(Exception, match="requires authentication"):
        session.Session(auth=v3.Token(auth_url=url, token=token)).get_token()


def test_the_command_issues_and_revokes(url: str) -> None:
    """A token is issued and given back, and the catalog is listed, as a person types it."""
    issued = command(url, "token", "issue", user="demo")
    assert issued["project_id"] == PROJECT_ID["demo"]
    command(url, "token", "revoke", issued["id"], shows=False)
    names = {one["Name"] for one in command(url, "catalog", "list", user="demo")}
    assert {"keystone", "nova", "glance", "neutron", "cinderv3"} <= names


def test_the_command_keeps_accounts(url: str) -> None:
    """Projects, users and grants are made, shown and removed, as a person types it."""
    command(url, "project", "create", "shop", "--description", "a shop")
    command(url, "user", "create", "eve", "--password", "x", "--project", "shop")
    command(url, "role", "add", "--user", "eve", "--project", "shop", "reader", shows=False)
    listed = command(url, "role", "assignment", "list", "--user", "eve", "--names")
    assert [(one["Role"], one["User"], one["Project"]) for one in listed] == [
        ("reader", "eve@Default", "shop@Default")
    ]
    command(url, "user", "delete", "eve", shows=False)
    assert [one["Name"] for one in command(url, "user", "list")] == ["admin", "demo", "nova"]
    # Forbidden to list all, the command lists the user's own.
    assert [one["Name"] for one in command(url, "project", "list", user="demo")] == ["demo"]
