"""The package with a conductor in this process: real messages, a real database, no cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from os_documents.api import Documents
from os_documents.conductor import DocumentsEndpoint

from devstack_lite.exceptions import Forbidden, Invalid, NotFound
from devstack_lite.wsgi.testing import Client, make_environment

THEIRS = "e" * 32


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with make_environment(tmp_path, DocumentsEndpoint) as env:
        yield Client(Documents(env))


def create(client: Client, **values: str) -> dict[str, Any]:
    answer = client("POST", "/os-documents", {"document": values})
    assert answer.status == 201
    return answer.json["document"]


def test_a_documents_life(client: Client) -> None:
    """It is made, listed, shown, changed and removed."""
    made = create(client, name="plan", content="boot")
    path = f"/os-documents/{made['id']}"
    assert client("GET", path).json == {"document": made}
    assert made["links"][0]["href"].endswith(path)
    [listed] = client("GET", "/os-documents").json["documents"]
    assert (listed["id"], listed["name"]) == (made["id"], "plan")
    changed = client("PUT", path, {"document": {"content": "reboot"}}).json["document"]
    assert (changed["name"], changed["content"]) == ("plan", "reboot")
    assert changed["updated_at"] > made["created_at"]
    assert client("DELETE", path).status == 204
    for method in ("GET", "DELETE"):
        with pytest.raises(NotFound, match="could not be found"):
            client(method, path)


def test_other_projects_see_nothing(client: Client) -> None:
    """Not in the list, not by its id, and they cannot change it."""
    path = f"/os-documents/{create(client, name='mine')['id']}"
    assert client("GET", "/os-documents", project_id=THEIRS).json == {"documents": []}
    with pytest.raises(NotFound):
        client("GET", path, project_id=THEIRS)
    with pytest.raises(NotFound):
        client("PUT", path, {"document": {"name": "yours"}}, project_id=THEIRS)
    with pytest.raises(NotFound):
        client("DELETE", path, project_id=THEIRS)


def test_what_is_refused(client: Client) -> None:
    """A body without a name, with a word too many, or nothing to change; a reader who writes."""
    for body in ({"document": {}}, {"document": {"name": "a", "colour": "red"}}, {}):
        with pytest.raises(Invalid):
            client("POST", "/os-documents", body)
    path = f"/os-documents/{create(client, name='plan')['id']}"
    with pytest.raises(Invalid):
        client("PUT", path, {"document": {}})
    with pytest.raises(Forbidden):
        client("DELETE", path, roles=["reader"])
