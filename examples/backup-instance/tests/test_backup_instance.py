"""The action over one that remembers what it was asked: no cloud, no HTTP."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backup_instance.api import BackupInstance

from devstack_lite.exceptions import Conflict, Forbidden, Invalid, NotFound
from devstack_lite.wsgi.request import Reply
from devstack_lite.wsgi.testing import Client, make_environment

PATH = "/servers/a-server/backup_instance"
IMAGE = "00000000-0000-4000-8000-000000000001"

REPLY = Reply(status=202, headers={"Location": f"http://image/v2/images/{IMAGE}"})


@dataclasses.dataclass
class Servers:
    """Stands in for the API's actions on servers."""

    asked: list[Any] = dataclasses.field(default_factory=list)
    reply: Reply = REPLY
    problem: Exception | None = None

    def act(self, req: Any, uuid: str, body: Any) -> Reply:
        if self.problem is not None:
            raise self.problem
        self.asked.append((uuid, body))
        return self.reply


@pytest.fixture
def servers() -> Servers:
    return Servers()


@pytest.fixture
def client(tmp_path: Path, servers: Servers) -> Iterator[Client]:
    with make_environment(tmp_path) as env:
        yield Client(BackupInstance(dataclasses.replace(env, act_on_server=servers.act)))


def test_an_image_is_made(client: Client, servers: Servers) -> None:
    """By createImage, with the description among the image's properties."""
    answer = client("POST", PATH, {"name": "nightly", "description": "before"})
    assert (answer.status, answer.json) == (202, {"id": IMAGE})
    wanted = {"name": "nightly", "metadata": {"description": "before"}}
    assert servers.asked == [("a-server", {"createImage": wanted})]


def test_the_answer_of_later_versions(client: Client, servers: Servers) -> None:
    """They say the image's id in the body."""
    servers.reply = Reply(status=202, body={"image_id": IMAGE})
    assert client("POST", PATH, {"name": "nightly"}).json == {"id": IMAGE}


def test_what_is_refused(client: Client, servers: Servers) -> None:
    """A body without a name, a reader, and what createImage refuses."""
    with pytest.raises(Invalid):
        client("POST", PATH, {"description": "none"})
    with pytest.raises(Forbidden):
        client("POST", PATH, {"name": "n"}, roles=["reader"])
    for problem in (NotFound("no server"), Conflict("not in that state")):
        servers.problem = problem
        with pytest.raises(type(problem)):
            client("POST", PATH, {"name": "n"})
    assert servers.asked == []
