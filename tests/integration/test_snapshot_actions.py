"""Images made of servers, as a client sees them; and a worker that dies while it makes one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devstack_lite.clients.http import Answer, HttpPeer
from tests.integration.conftest import wait_until
from tests.integration.test_lifecycle import act
from tests.integration.test_server_actions import actions_of, refusal
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def server(whole_cloud: WholeCloud) -> Any:
    """The admin's server, ACTIVE; each test leaves it so."""
    server_id = whole_cloud.boot("pictured")
    yield whole_cloud.wait_for(server_id, "ACTIVE")
    whole_cloud.delete_all("pictured")


@pytest.fixture(autouse=True)
def only_the_usual_images(whole_cloud: WholeCloud) -> Iterator[None]:
    """Leave no image to the next test."""
    yield
    for one in images_of(whole_cloud):
        assert ask(whole_cloud, "DELETE", f"/v2/images/{one['id']}").status == 204


def ask(cloud: WholeCloud, method: str, path: str, token: str | None = None) -> Answer:
    headers = {"X-Auth-Token": token or cloud.admin_token()}
    return HttpPeer(cloud.record.endpoints["image"]).request(method, path, headers=headers)


def images_of(cloud: WholeCloud, **query: str) -> list[dict[str, Any]]:
    """Return the images that were made of servers, the oldest first."""
    more = "".join(f"&{key}={value}" for key, value in query.items())
    found = ask(cloud, "GET", f"/v2/images?image_location=snapshot&sort=created_at:asc{more}")
    return list(found.json()["images"])


def wait_for_image(cloud: WholeCloud, image_id: str) -> dict[str, Any]:
    def look() -> Any:
        return ask(cloud, "GET", f"/v2/images/{image_id}").json()["status"] == "active"

    wait_until(look, f"image {image_id} is active", 30.0)
    return dict(ask(cloud, "GET", f"/v2/images/{image_id}").json())


def make_image(cloud: WholeCloud, server_id: str, name: str, **more: Any) -> str:
    """Ask for an image; return its id, as the Location header says it."""
    body = {"createImage": {"name": name, **more}}
    answer = cloud.compute("POST", f"/servers/{server_id}/action", body)
    assert (answer.status, answer.data) == (202, b"")
    url, _, image_id = answer.headers["location"].rpartition("/")
    assert url == f"{cloud.record.endpoints['image']}/v2/images"
    return image_id


def test_an_image_of_a_server(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """It is there at once, becomes active with bytes, and says of what it was made."""
    image_id = make_image(whole_cloud, server["id"], "snap", metadata={"colour": "red"})
    image = wait_for_image(whole_cloud, image_id)
    whole_cloud.wait_for(server["id"], "ACTIVE")
    expected = {
        "name": "snap", "visibility": "private", "disk_format": "raw", "container_format": "bare",
        "instance_uuid": server["id"], "image_type": "snapshot", "image_location": "snapshot",
        "image_state": "available", "base_image_ref": server["image"]["id"], "colour": "red",
        "owner_id": server["tenant_id"], "user_id": server["user_id"], "size": 65536,
        "min_disk": 1,
    }  # fmt: skip
    assert {key: image.get(key) for key in expected} == expected
    data = ask(whole_cloud, "GET", f"/v2/images/{image_id}/file").data
    assert f"instance: {server['id']}\n".encode() in data
    assert actions_of(whole_cloud, server["id"], 1) == [
        ("createImage", "compute_snapshot_instance", "Success")
    ]


def test_a_server_boots_from_an_image_of_another(
    whole_cloud: WholeCloud, server: dict[str, Any]
) -> None:
    image_id = make_image(whole_cloud, server["id"], "parent")
    wait_for_image(whole_cloud, image_id)
    child = whole_cloud.boot("pictured-child", imageRef=image_id)
    assert whole_cloud.wait_for(child, "ACTIVE")["image"]["id"] == image_id
    whole_cloud.delete_all("pictured-child")


def test_two_images_may_have_one_name(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """Each request makes one of its own; while one is under way another is refused."""
    made = set()
    for _ in range(2):
        made.add(make_image(whole_cloud, server["id"], "twin"))
        whole_cloud.wait_for(server["id"], "ACTIVE")
    assert {one["id"] for one in images_of(whole_cloud, name="twin")} == made
    assert len(made) == 2


def test_what_is_refused(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """Bad bodies, too much metadata, and what image itself refuses; nothing is left of it."""
    too_many = {f"key{number}": "x" for number in range(129)}
    for body, status, name, text in (
        ({"name": "", }, 400, "badRequest", ""),
        ({"metadata": {}}, 400, "badRequest", "name"),
        ({"name": "a", "metadata": {"k": 1}}, 400, "badRequest", ""),
        ({"name": "a", "metadata": too_many}, 403, "forbidden", "Image metadata limit exceeded"),
        ({"name": "a", "metadata": {"checksum": "x"}}, 403, "forbidden", "read-only"),
    ):  # fmt: skip
        answer = act(whole_cloud, server["id"], {"createImage": body}, status)
        assert text in refusal(answer, name)
        assert whole_cloud.server(server["id"])["OS-EXT-STS:task_state"] is None
    assert images_of(whole_cloud) == []
    missing = "00000000-0000-0000-0000-000000000000"
    path = f"/servers/{missing}/action"
    assert whole_cloud.compute("POST", path, {"createImage": {"name": "a"}}).status == 404


def test_also_of_a_server_that_is_off_or_stands_still(
    whole_cloud: WholeCloud, server: dict[str, Any]
) -> None:
    """It is afterwards what it was before."""
    for there, status, back in (
        ({"os-stop": None}, "SHUTOFF", {"os-start": None}),
        ({"pause": None}, "PAUSED", {"unpause": None}),
    ):
        act(whole_cloud, server["id"], there)
        whole_cloud.wait_for(server["id"], status)
        image_id = make_image(whole_cloud, server["id"], status)
        wait_for_image(whole_cloud, image_id)
        whole_cloud.wait_for(server["id"], status)
        act(whole_cloud, server["id"], back)
        whole_cloud.wait_for(server["id"], "ACTIVE")


def test_backups_are_kept_by_number(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """The oldest of the type go; weekly ones and snapshots stay; rotation 0 keeps none."""

    def back_up(name: str, kind: str, rotation: Any) -> Answer:
        body = {"createBackup": {"name": name, "backup_type": kind, "rotation": rotation}}
        answer = whole_cloud.compute("POST", f"/servers/{server['id']}/action", body)
        assert answer.status == 202, answer.data
        whole_cloud.wait_for(server["id"], "ACTIVE")
        return answer

    def names() -> list[str]:
        return [one["name"] for one in images_of(whole_cloud)]

    make_image(whole_cloud, server["id"], "snap")
    whole_cloud.wait_for(server["id"], "ACTIVE")
    back_up("w1", "weekly", 1)
    for number in range(1, 4):
        back_up(f"d{number}", "daily", "2")
    assert names() == ["snap", "w1", "d2", "d3"]
    (newest,) = images_of(whole_cloud, name="d3")
    assert (newest["image_type"], newest["backup_type"]) == ("backup", "daily")
    assert back_up("d4", "daily", 0).headers.get("location") is None
    assert names() == ["snap", "w1"]
    assert actions_of(whole_cloud, server["id"], 1) == [
        ("createBackup", "compute_backup_instance", "Success")
    ]
    for rotation in (-1, "x", None):
        body = {"createBackup": {"name": "a", "backup_type": "daily", "rotation": rotation}}
        act(whole_cloud, server["id"], body, 400)


def test_a_members_own(whole_cloud: WholeCloud, server: dict[str, Any]) -> None:
    """A member makes images of its own servers, also of a locked one, and owns them."""
    demo = whole_cloud.token("demo")
    answer = whole_cloud.compute("POST", "/servers", whole_cloud.body("members-own"), token=demo)
    own = answer.json()["server"]["id"]
    whole_cloud.wait_for(own, "ACTIVE")
    assert whole_cloud.compute(
        "POST", f"/servers/{own}/action", {"lock": None}, token=demo
    ).status == 202  # fmt: skip
    body = {"createImage": {"name": "mine"}}
    answer = whole_cloud.compute("POST", f"/servers/{own}/action", body, token=demo)
    assert answer.status == 202
    image = wait_for_image(whole_cloud, answer.headers["location"].rpartition("/")[2])
    assert image["owner"] == whole_cloud.server(own)["tenant_id"]
    path = f"/servers/{server['id']}/action"
    assert whole_cloud.compute("POST", path, body, token=demo).status == 404
    whole_cloud.delete_all("members-own")


def test_a_shelved_server_is_off_with_an_image_and_comes_back(
    whole_cloud: WholeCloud, server: Any
) -> None:
    """It leaves its host, refuses what Nova refuses of it, and is built again from its image."""
    act(whole_cloud, server["id"], {"shelve": None})
    shelved = whole_cloud.wait_for(server["id"], "SHELVED_OFFLOADED")
    (image,) = images_of(whole_cloud)
    assert (image["name"], image["status"]) == (f"{server['name']}-shelved", "active")
    assert shelved["OS-EXT-SRV-ATTR:host"] is None
    assert shelved["OS-EXT-STS:power_state"] == 0
    assert shelved["addresses"] == server["addresses"]
    for body in ({"shelve": None}, {"shelveOffload": None}, {"os-start": None}):
        act(whole_cloud, server["id"], body, 409)
    act(whole_cloud, server["id"], {"unshelve": None})
    back = whole_cloud.wait_for(server["id"], "ACTIVE")
    assert back["OS-EXT-SRV-ATTR:host"] is not None
    assert back["image"] == server["image"]
    assert images_of(whole_cloud) == []
