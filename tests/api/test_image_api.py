"""The image service, as clients use it."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest
from conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Api, Cloud

from devstack_lite.steps import TRACE_HEADER, from_header

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}
RAW = {"disk_format": "raw", "container_format": "bare"}


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> Api:
    return cloud.api("image")


def create(image: Api, token: str = DEMO, **attributes: Any) -> dict[str, Any]:
    answer = image("POST", "/v2/images", {**RAW, **attributes}, token=token)
    assert answer.status == 201, answer.data
    return dict(answer.json)


def upload(image: Api, image_id: str, data: bytes, token: str = DEMO, what: str = "file") -> Any:
    return image("PUT", f"/v2/images/{image_id}/{what}", data=data, headers=OCTETS, token=token)


def names(answer: Any) -> list[str]:
    assert answer.status == 200, answer.data
    return [one["name"] for one in answer.json["images"]]


@pytest.mark.parametrize(("path", "status"), [("/", 300), ("/versions", 200)])
def test_versions_need_no_token(image: Api, path: str, status: int) -> None:
    """The version document lists v2.0 to v2.16, of which the last is current."""
    answer = image("GET", path, token=None)
    assert answer.status == status
    versions = answer.json["versions"]
    assert ("v2.16", "CURRENT") == (versions[0]["id"], versions[0]["status"])
    assert "v2.0" == versions[-1]["id"]
    assert "http://cloud.test/v2/" == versions[0]["links"][0]["href"]


def test_a_request_without_token_is_refused_in_glance_form(image: Api) -> None:
    """401 carries WWW-Authenticate and a body with code, title and message."""
    answer = image("GET", "/v2/images", token=None)
    assert answer.status == 401
    assert "Keystone" in answer.headers["WWW-Authenticate"]
    assert answer.json["title"] == "Unauthorized"


def test_an_image_is_queued_until_its_data_came(cloud: Cloud, image: Api) -> None:
    """Upload stores the data whole, and records size, md5 and sha512."""
    made = create(image, name="one", os_distro="cirros", tags=["a", "a", "b"])
    assert ("queued", None, "shared") == (made["status"], made["size"], made["visibility"])
    assert (DEMO_PROJECT, "cirros") == (made["owner"], made["os_distro"])
    assert ["a", "b"] == made["tags"]
    assert 204 == image("GET", f"/v2/images/{made['id']}/file").status
    data = bytes(range(256)) * 5000
    assert 204 == upload(image, made["id"], data).status
    shown = image("GET", f"/v2/images/{made['id']}").json
    assert ("active", len(data)) == (shown["status"], shown["size"])
    assert hashlib.md5(data).hexdigest() == shown["checksum"]
    assert hashlib.sha512(data).hexdigest() == shown["os_hash_value"]
    fetched = image("GET", f"/v2/images/{made['id']}/file")
    assert data == fetched.data
    assert shown["checksum"] == fetched.headers["Content-MD5"]
    assert [made["id"]] == [path.name for path in (cloud.state_dir / "images").iterdir()]
    assert 409 == upload(image, made["id"], b"other").status
    assert 204 == image("DELETE", f"/v2/images/{made['id']}").status
    assert [] == list((cloud.state_dir / "images").iterdir())
    assert 404 == image("GET", f"/v2/images/{made['id']}").status


def test_too_much_data_is_refused_and_leaves_the_image_queued(cloud: Cloud) -> None:
    """413 beyond max_upload_bytes; nothing of the data stays."""
    cloud.conf.set_override("max_upload_bytes", 1000, group="image")
    small = cloud.api("image")
    cloud.conf.clear_override("max_upload_bytes", group="image")
    made = create(small)
    assert 413 == upload(small, made["id"], b"x" * 1001).status
    assert "queued" == small("GET", f"/v2/images/{made['id']}").json["status"]
    assert [] == list((cloud.state_dir / "images").iterdir())
    assert 204 == upload(small, made["id"], b"x" * 1000).status
    small("DELETE", f"/v2/images/{made['id']}")


def test_an_upload_that_was_cut_off_can_be_sent_again(cloud: Cloud, image: Api) -> None:
    """A body that ends early leaves the image queued; one left in saving is taken over."""
    made = create(image)
    headers = {**OCTETS, "Content-Length": "100"}
    answer = image("PUT", f"/v2/images/{made['id']}/file", data=b"short", headers=headers)
    assert 400 == answer.status
    assert "queued" == image("GET", f"/v2/images/{made['id']}").json["status"]
    from devstack_lite.db import images

    images.move_image(cloud.db, image_id=made["id"], status="saving", from_statuses=["queued"])
    assert 204 == upload(image, made["id"], b"whole").status
    assert b"whole" == image("GET", f"/v2/images/{made['id']}/file").data


def test_two_uploads_at_once_cannot_be(cloud: Cloud, image: Api) -> None:
    """While somebody writes an image's data another upload is a conflict."""
    from services.image.store import ImageStore

    made = create(image)
    with ImageStore(cloud.state_dir / "images", max_bytes=10).writing(made["id"]):
        assert 409 == upload(image, made["id"], b"x").status
    assert 204 == upload(image, made["id"], b"x").status


def test_data_without_an_image_is_swept_away(cloud: Cloud, image: Api) -> None:
    """A service that starts removes the files that belong to no image, and no others."""
    made = create(image)
    upload(image, made["id"], b"x")
    stray = cloud.state_dir / "images" / f"{uuid.uuid4()}.part"
    stray.write_bytes(b"x")
    cloud.api("image")
    assert not stray.exists()
    assert b"x" == image("GET", f"/v2/images/{made['id']}/file").data


def test_staged_data_becomes_the_image_by_import(image: Api) -> None:
    """glance-direct works, web-download is refused, import without a stage is a conflict."""
    made = create(image)
    path = f"/v2/images/{made['id']}"
    glance_direct = {"method": {"name": "glance-direct"}}
    assert 409 == image("POST", f"{path}/import", glance_direct).status
    assert 204 == upload(image, made["id"], b"staged", what="stage").status
    assert "uploading" == image("GET", path).json["status"]
    refused = {"method": {"name": "web-download", "uri": "http://example.test"}}
    assert 400 == image("POST", f"{path}/import", refused).status
    assert 202 == image("POST", f"{path}/import", glance_direct).status
    assert ("active", 6) == tuple(image("GET", path).json[key] for key in ("status", "size"))
    assert ["glance-direct"] == image("GET", "/v2/info/import").json["import-methods"]["value"]


def test_a_patch_changes_attributes_and_properties(image: Api) -> None:
    """add, replace and remove work on properties; attributes are replaced."""
    made = create(image, name="old", kept="1", gone="2")
    path = f"/v2/images/{made['id']}"
    operations = [
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "add", "path": "/fresh", "value": "3"},
        {"op": "remove", "path": "/gone"},
        {"op": "replace", "path": "/tags", "value": ["t"]},
    ]
    answer = image("PATCH", path, operations, headers=PATCH)
    assert answer.status == 200, answer.data
    shown = image("GET", path).json
    assert ("new", "1", "3", ["t"]) == tuple(shown[k] for k in ("name", "kept", "fresh", "tags"))
    assert "gone" not in shown
    for operation, status in [
        ({"op": "replace", "path": "/status", "value": "active"}, 403),
        ({"op": "replace", "path": "/absent", "value": "x"}, 409),
        ({"op": "add", "path": "/fresh", "value": "x"}, 409),
        ({"op": "replace", "path": "/min_ram", "value": "many"}, 400),
        ({"op": "replace", "path": "/visibility", "value": "public"}, 403),
        ({"op": "move", "path": "/name"}, 400),
    ]:
        assert status == image("PATCH", path, [operation], headers=PATCH).status, operation
    assert 415 == image("PATCH", path, operations).status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": 5}, 400),
        ({"disk_format": "floppy"}, 400),
        ({"min_ram": -1}, 400),
        ({"extra": {"a": 1}}, 400),
        ({"id": "../../etc/passwd"}, 400),
        ({"status": "active"}, 403),
        ({"visibility": "public"}, 403),
        ({"owner": OTHER_PROJECT}, 403),
        ([], 400),
    ],
)
def test_a_bad_create_is_refused(image: Api, body: Any, status: int) -> None:
    """Wrong types, values and rights are refused with the right status."""
    assert status == image("POST", "/v2/images", body).status


def test_a_large_body_is_refused(image: Api) -> None:
    """A record's body beyond max_request_body_size is 413."""
    answer = image("POST", "/v2/images", {"name": "x" * 200000})
    assert 413 == answer.status


def test_an_id_can_be_chosen_once(image: Api) -> None:
    """The id of a create is the image's; it is a conflict the second time."""
    image_id = str(uuid.uuid4())
    assert image_id == create(image, id=image_id)["id"]
    assert 409 == image("POST", "/v2/images", {"id": image_id}).status


def test_others_see_only_what_is_shared_with_them(image: Api) -> None:
    """Private is 404 for others, public can be read but not changed, members accept."""
    private = create(image, name="private", visibility="private")
    public = create(image, ADMIN, name="public", visibility="public")
    shared = create(image, name="shared")
    assert 404 == image("GET", f"/v2/images/{private['id']}", token=OTHER).status
    assert 404 == image("DELETE", f"/v2/images/{private['id']}", token=OTHER).status
    assert 200 == image("GET", f"/v2/images/{public['id']}", token=OTHER).status
    assert 403 == image("DELETE", f"/v2/images/{public['id']}", token=OTHER).status
    members = f"/v2/images/{shared['id']}/members"
    assert 404 == image("GET", members, token=OTHER).status
    assert 200 == image("POST", members, {"member": OTHER_PROJECT}).status
    assert 409 == image("POST", members, {"member": OTHER_PROJECT}).status
    assert "shared" not in names(image("GET", "/v2/images", token=OTHER))
    accept = image("PUT", f"{members}/{OTHER_PROJECT}", {"status": "accepted"}, token=OTHER)
    assert "accepted" == accept.json["status"]
    seen = names(image("GET", "/v2/images", token=OTHER))
    assert "shared" in seen
    assert "public" in seen
    assert "private" not in seen
    assert 204 == image("DELETE", f"{members}/{OTHER_PROJECT}").status
    assert 404 == image("GET", f"/v2/images/{shared['id']}", token=OTHER).status


def test_a_protected_image_stays(image: Api) -> None:
    """Deleting it is 403 until protected is taken off."""
    made = create(image, protected=True)
    path = f"/v2/images/{made['id']}"
    assert 403 == image("DELETE", path).status
    operation = {"op": "replace", "path": "/protected", "value": False}
    assert 200 == image("PATCH", path, [operation], headers=PATCH).status
    assert 204 == image("DELETE", path).status


def test_a_deactivated_image_keeps_its_data_from_users(image: Api) -> None:
    """Only administrators switch it, and only they read it meanwhile."""
    made = create(image)
    upload(image, made["id"], b"x")
    path = f"/v2/images/{made['id']}"
    assert 403 == image("POST", f"{path}/actions/deactivate").status
    assert 204 == image("POST", f"{path}/actions/deactivate", token=ADMIN).status
    assert 403 == image("GET", f"{path}/file").status
    assert 204 == image("POST", f"{path}/actions/reactivate", token=ADMIN).status
    assert 200 == image("GET", f"{path}/file").status


def test_tags_come_and_go(image: Api) -> None:
    """A tag is put once and deleted once."""
    path = f"/v2/images/{create(image)['id']}"
    assert 204 == image("PUT", f"{path}/tags/blue").status
    assert 204 == image("PUT", f"{path}/tags/blue").status
    assert ["blue"] == image("GET", path).json["tags"]
    assert 204 == image("DELETE", f"{path}/tags/blue").status
    assert 404 == image("DELETE", f"{path}/tags/blue").status


def test_a_list_is_filtered_sorted_and_paged(image: Api) -> None:
    """Filters meet columns, properties and tags; pages follow each other through next."""
    for number in range(5):
        create(image, OTHER, name=f"list-{number % 3}", min_ram=number, flavour="odd", tags=["l"])

    def listed(query: str) -> list[str]:
        return names(image("GET", f"/v2/images?{query}", token=OTHER))

    assert ["list-0", "list-0", "list-1", "list-1", "list-2"] == listed("flavour=odd&sort=name:asc")
    assert ["list-2"] == listed("name=list-2")
    assert 4 == len(listed("name=in:list-0,list-1&tag=l"))
    assert [] == listed("flavour=odd&status=active")
    assert ["list-1"] == listed("flavour=odd&min_ram=4")
    assert 5 == len(listed(f"owner={OTHER_PROJECT}&visibility=shared"))
    pages, path = [], "/v2/images?flavour=odd&limit=2&sort=name:desc,min_ram:asc"
    while path:
        page = image("GET", path, token=OTHER).json
        pages.append([(one["name"], one["min_ram"]) for one in page["images"]])
        path = page.get("next")
    expected = [
        [("list-2", 2), ("list-1", 1)], [("list-1", 4), ("list-0", 0)], [("list-0", 3)],
    ]  # fmt: skip
    assert expected == pages
    for query in ("marker=nothing", "limit=x", "sort_key=colour", "visibility=odd"):
        assert 400 == image("GET", f"/v2/images?{query}").status, query


def test_hidden_images_are_listed_on_request(image: Api) -> None:
    """os_hidden=true lists them, the plain list does not."""
    create(image, name="hidden", os_hidden=True)
    assert "hidden" not in names(image("GET", "/v2/images?limit=1000"))
    assert ["hidden"] == names(image("GET", "/v2/images?os_hidden=true"))


@pytest.mark.parametrize("name", ["image", "images", "member", "members"])
def test_schemas_are_answered(image: Api, name: str) -> None:
    """Clients ask for the schemas of what they read."""
    assert name == image("GET", f"/v2/schemas/{name}").json["name"]


def test_an_answer_carries_the_record_of_step_13(image: Api) -> None:
    """Who asks for a trace gets the validation of the token as step 13."""
    made = create(image)
    answer = image("GET", f"/v2/images/{made['id']}", headers={TRACE_HEADER: "1"})
    assert 13 == from_header(answer.headers[TRACE_HEADER])["validated"].step
    assert answer.headers["x-openstack-request-id"].startswith("req-")


def test_unknown_urls_and_methods_are_told_apart(image: Api) -> None:
    """404 for the one, 405 with Allow for the other."""
    assert 404 == image("GET", "/v2/nothing").status
    answer = image("POST", f"/v2/images/{uuid.uuid4()}")
    assert (405, "DELETE, GET, PATCH") == (answer.status, answer.headers["Allow"])
