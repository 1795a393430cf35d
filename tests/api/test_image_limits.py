"""How much may stand with an image, and what the image service says of itself."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from services.image.limits import MAX_MEMBERS, MAXIMUM
from tests.api.conftest import ADMIN, OTHER, Api, Cloud
from tests.api.test_image_api import PATCH, RAW, create


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> Api:
    return cloud.api("image")


def test_an_image_has_so_many_tags(image: Api) -> None:
    """One more is 413, by whichever way; one that is there is no more."""
    tags = [f"t{number}" for number in range(MAXIMUM["tags"])]
    made = create(image, tags=tags)
    path = f"/v2/images/{made['id']}"
    assert image("PUT", f"{path}/tags/t1").status == 204
    refused = image("PUT", f"{path}/tags/more")
    assert refused.status == 413
    assert "number of allowed image tags. Attempted: 129, Maximum: 128" in refused.data.decode()
    more = json.dumps([{"op": "replace", "path": "/tags", "value": [*tags, "more"]}]).encode()
    assert image("PATCH", path, data=more, headers=PATCH).status == 413
    assert image("POST", "/v2/images", {**RAW, "tags": [*tags, "more"]}).status == 413


def test_an_image_has_so_many_properties(image: Api) -> None:
    """One more is 413 when it is made, and when it is changed."""
    properties: dict[str, Any] = {f"p{number}": "v" for number in range(MAXIMUM["properties"])}
    made = create(image, **properties)
    refused = image("POST", "/v2/images", {**RAW, **properties, "more": "v"})
    assert (refused.status, refused.json["title"]) == (413, "Request Entity Too Large")
    assert "image properties. Attempted: 129, Maximum: 128" in refused.json["message"]
    add = b'[{"op": "add", "path": "/more", "value": "v"}]'
    path = f"/v2/images/{made['id']}"
    assert image("PATCH", path, data=add, headers=PATCH).status == 413
    swap = b'[{"op": "remove", "path": "/p0"}, {"op": "add", "path": "/more", "value": "v"}]'
    assert image("PATCH", path, data=swap, headers=PATCH).status == 200


def test_an_image_is_shared_with_so_many(image: Api) -> None:
    """One member more is 413, and is not recorded."""
    path = f"/v2/images/{create(image)['id']}/members"
    for number in range(MAX_MEMBERS):
        assert image("POST", path, {"member": f"m{number}"}).status == 200
    refused = image("POST", path, {"member": "more"})
    assert refused.status == 413
    assert "image members for this image. Attempted: 129, Maximum: 128" in refused.data.decode()
    assert len(image("GET", path).json["members"]) == MAX_MEMBERS


def test_there_is_one_store_and_no_task(image: Api) -> None:
    """The store has Glance's name of a store of files; tasks are for administrators."""
    [store] = image("GET", "/v2/info/stores").json["stores"]
    assert (store["id"], store["default"]) == ("file", "true")
    answer = image("POST", "/v2/images", RAW)
    assert answer.headers["OpenStack-image-store-ids"] == "file"
    assert image("GET", "/v2/tasks").status == 403
    assert image("GET", "/v2/tasks", token=ADMIN).json["tasks"] == []
    path = f"/v2/images/{answer.json['id']}/tasks"
    assert image("GET", path).json == {"tasks": []}
    private = create(image, visibility="private")
    assert image("GET", f"/v2/images/{private['id']}/tasks", token=OTHER).status == 404
    assert image("GET", f"/v2/images/{uuid.uuid4()}/tasks").status == 404
