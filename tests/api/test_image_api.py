"""The image service, as clients use it."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest

from devstack_lite.steps import TRACE_HEADER, from_header
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Api, Cloud

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
    assert (versions[0]["id"], versions[0]["status"]) == ("v2.16", "CURRENT")
    assert versions[-1]["id"] == "v2.0"
    assert versions[0]["links"][0]["href"] == "http://cloud.test/v2/"


def test_a_request_without_token_is_refused_in_glance_form(image: Api) -> None:
    """401 carries WWW-Authenticate and a body with code, title and message."""
    answer = image("GET", "/v2/images", token=None)
    assert answer.status == 401
    assert "Keystone" in answer.headers["WWW-Authenticate"]
    assert answer.json["title"] == "Unauthorized"


def test_an_image_is_queued_until_its_data_came(cloud: Cloud, image: Api) -> None:
    """Upload stores the data whole, and records size, md5 and sha512."""
    made = create(image, name="one", os_distro="cirros", tags=["a", "a", "b"])
    assert (made["status"], made["size"], made["visibility"]) == ("queued", None, "shared")
    assert (made["owner"], made["os_distro"]) == (DEMO_PROJECT, "cirros")
    assert made["tags"] == ["a", "b"]
    assert image("GET", f"/v2/images/{made['id']}/file").status == 204
    data = bytes(range(256)) * 5000
    assert upload(image, made["id"], data).status == 204
    shown = image("GET", f"/v2/images/{made['id']}").json
    assert ("active", len(data)) == (shown["status"], shown["size"])
    assert hashlib.md5(data).hexdigest() == shown["checksum"]
    assert hashlib.sha512(data).hexdigest() == shown["os_hash_value"]
    fetched = image("GET", f"/v2/images/{made['id']}/file")
    assert data == fetched.data
    assert shown["checksum"] == fetched.headers["Content-MD5"]
    assert [made["id"]] == [path.name for path in (cloud.state_dir / "images").iterdir()]
    assert upload(image, made["id"], b"other").status == 409
    assert image("DELETE", f"/v2/images/{made['id']}").status == 204
    assert list((cloud.state_dir / "images").iterdir()) == []
    assert image("GET", f"/v2/images/{made['id']}").status == 404


def test_too_much_data_is_refused_and_leaves_the_image_queued(cloud: Cloud) -> None:
    """413 beyond max_upload_bytes; nothing of the data stays."""
    cloud.conf.set_override("max_upload_bytes", 1000, group="image")
    small = cloud.api("image")
    cloud.conf.clear_override("max_upload_bytes", group="image")
    made = create(small)
    assert upload(small, made["id"], b"x" * 1001).status == 413
    assert small("GET", f"/v2/images/{made['id']}").json["status"] == "queued"
    assert list((cloud.state_dir / "images").iterdir()) == []
    assert upload(small, made["id"], b"x" * 1000).status == 204
    small("DELETE", f"/v2/images/{made['id']}")


def test_an_upload_that_was_cut_off_can_be_sent_again(cloud: Cloud, image: Api) -> None:
    """A body that ends early leaves the image queued; one left in saving is taken over."""
    made = create(image)
    headers = {**OCTETS, "Content-Length": "100"}
    answer = image("PUT", f"/v2/images/{made['id']}/file", data=b"short", headers=headers)
    assert answer.status == 400
    assert image("GET", f"/v2/images/{made['id']}").json["status"] == "queued"
    from devstack_lite.db import images

    images.move_image(cloud.db, image_id=made["id"], status="saving", from_statuses=["queued"])
    assert upload(image, made["id"], b"whole").status == 204
    assert image("GET", f"/v2/images/{made['id']}/file").data == b"whole"


def test_two_uploads_at_once_cannot_be(cloud: Cloud, image: Api) -> None:
    """While somebody writes an image's data another upload is a conflict."""
    from services.image.store import ImageStore

    made = create(image)
    with ImageStore(cloud.state_dir / "images", max_bytes=10).writing(made["id"]):
        assert upload(image, made["id"], b"x").status == 409
    assert upload(image, made["id"], b"x").status == 204


def test_data_without_an_image_is_swept_away(cloud: Cloud, image: Api) -> None:
    """A service that starts removes the files that belong to no image, and no others."""
    made = create(image)
    upload(image, made["id"], b"x")
    stray = cloud.state_dir / "images" / f"{uuid.uuid4()}.part"
    stray.write_bytes(b"x")
    cloud.api("image")
    assert not stray.exists()
    assert image("GET", f"/v2/images/{made['id']}/file").data == b"x"


def test_staged_data_becomes_the_image_by_import(image: Api) -> None:
    """glance-direct works, web-download is refused, import without a stage is a conflict."""
    made = create(image)
    path = f"/v2/images/{made['id']}"
    glance_direct = {"method": {"name": "glance-direct"}}
    assert image("POST", f"{path}/import", glance_direct).status == 409
    assert upload(image, made["id"], b"staged", what="stage").status == 204
    assert image("GET", path).json["status"] == "uploading"
    refused = {"method": {"name": "web-download", "uri": "http://example.test"}}
    assert image("POST", f"{path}/import", refused).status == 400
    assert image("POST", f"{path}/import", glance_direct).status == 202
    assert tuple(image("GET", path).json[key] for key in ("status", "size")) == ("active", 6)
    assert image("GET", "/v2/info/import").json["import-methods"]["value"] == ["glance-direct"]


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
    assert tuple(shown[k] for k in ("name", "kept", "fresh", "tags")) == ("new", "1", "3", ["t"])
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
    assert image("PATCH", path, operations).status == 415


def test_the_older_form_of_a_patch(image: Api) -> None:
    """One of add, replace or remove says what is done and where."""
    path = f"/v2/images/{create(image, name='old', gone='2')['id']}"
    old = {"Content-Type": "application/openstack-images-v2.0-json-patch"}
    patch = [{"replace": "/name", "value": "new"}, {"remove": "/gone"}, {"add": "/k", "value": "v"}]
    shown = image("PATCH", path, patch, headers=old)
    assert (shown.status, shown.json["name"], shown.json["k"]) == (200, "new", "v"), shown.data
    assert "gone" not in shown.json
    for wrong in ({"value": "x"}, {"add": "/a", "remove": "/a"}, "add", {"add": 5, "value": "x"}):
        assert image("PATCH", path, [wrong], headers=old).status == 400, wrong
    assert image("PATCH", path, {"add": "/a"}, headers=old).status == 400
    assert image("PATCH", path, patch, headers={"Content-Type": "text/x"}).headers[
        "Accept-Patch"
    ].split(", ") == [old["Content-Type"], PATCH["Content-Type"]]


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
    assert answer.status == 413


def test_an_id_can_be_chosen_once(image: Api) -> None:
    """The id of a create is the image's; it is a conflict the second time."""
    image_id = str(uuid.uuid4())
    assert image_id == create(image, id=image_id)["id"]
    assert image("POST", "/v2/images", {"id": image_id}).status == 409


def test_others_see_only_what_is_shared_with_them(image: Api) -> None:
    """Private is 404 for others, public can be read but not changed, members accept."""
    private = create(image, name="private", visibility="private")
    public = create(image, ADMIN, name="public", visibility="public")
    shared = create(image, name="shared")
    assert image("GET", f"/v2/images/{private['id']}", token=OTHER).status == 404
    assert image("DELETE", f"/v2/images/{private['id']}", token=OTHER).status == 404
    assert image("GET", f"/v2/images/{public['id']}", token=OTHER).status == 200
    assert image("DELETE", f"/v2/images/{public['id']}", token=OTHER).status == 403
    members = f"/v2/images/{shared['id']}/members"
    assert image("GET", members, token=OTHER).status == 404
    assert image("POST", members, {"member": OTHER_PROJECT}).status == 200
    assert image("POST", members, {"member": OTHER_PROJECT}).status == 409
    assert "shared" not in names(image("GET", "/v2/images", token=OTHER))
    accept = image("PUT", f"{members}/{OTHER_PROJECT}", {"status": "accepted"}, token=OTHER)
    assert accept.json["status"] == "accepted"
    seen = names(image("GET", "/v2/images", token=OTHER))
    assert "shared" in seen
    assert "public" in seen
    assert "private" not in seen
    assert image("DELETE", f"{members}/{OTHER_PROJECT}").status == 204
    assert image("GET", f"/v2/images/{shared['id']}", token=OTHER).status == 404


def test_a_protected_image_stays(image: Api) -> None:
    """Deleting it is 403 until protected is taken off."""
    made = create(image, protected=True)
    path = f"/v2/images/{made['id']}"
    assert image("DELETE", path).status == 403
    operation = {"op": "replace", "path": "/protected", "value": False}
    assert image("PATCH", path, [operation], headers=PATCH).status == 200
    assert image("DELETE", path).status == 204


def test_a_deactivated_image_keeps_its_data_from_users(image: Api) -> None:
    """Only administrators switch it, and only they read it meanwhile."""
    made = create(image)
    upload(image, made["id"], b"x")
    path = f"/v2/images/{made['id']}"
    assert image("POST", f"{path}/actions/deactivate").status == 403
    assert image("POST", f"{path}/actions/deactivate", token=ADMIN).status == 204
    assert image("GET", f"{path}/file").status == 403
    assert image("POST", f"{path}/actions/reactivate", token=ADMIN).status == 204
    assert image("GET", f"{path}/file").status == 200


def test_tags_come_and_go(image: Api) -> None:
    """A tag is put once and deleted once."""
    path = f"/v2/images/{create(image)['id']}"
    assert image("PUT", f"{path}/tags/blue").status == 204
    assert image("PUT", f"{path}/tags/blue").status == 204
    assert image("GET", path).json["tags"] == ["blue"]
    assert image("DELETE", f"{path}/tags/blue").status == 204
    assert image("DELETE", f"{path}/tags/blue").status == 404


def test_a_list_is_filtered_sorted_and_paged(image: Api) -> None:
    """Filters meet columns, properties and tags; pages follow each other through next."""
    for number in range(5):
        create(image, OTHER, name=f"list-{number % 3}", min_ram=number, flavour="odd", tags=["l"])

    def listed(query: str) -> list[str]:
        return names(image("GET", f"/v2/images?{query}", token=OTHER))

    assert listed("flavour=odd&sort=name:asc") == ["list-0", "list-0", "list-1", "list-1", "list-2"]
    assert listed("name=list-2") == ["list-2"]
    assert len(listed("name=in:list-0,list-1&tag=l")) == 4
    assert listed("flavour=odd&status=active") == []
    assert listed("flavour=odd&min_ram=4") == ["list-1"]
    assert len(listed(f"owner={OTHER_PROJECT}&visibility=shared")) == 5
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
        assert image("GET", f"/v2/images?{query}").status == 400, query


def test_hidden_images_are_listed_on_request(image: Api) -> None:
    """os_hidden=true lists them, the plain list does not."""
    create(image, name="hidden", os_hidden=True)
    assert "hidden" not in names(image("GET", "/v2/images?limit=1000"))
    assert names(image("GET", "/v2/images?os_hidden=true")) == ["hidden"]


@pytest.mark.parametrize("name", ["image", "images", "member", "members"])
def test_schemas_are_answered(image: Api, name: str) -> None:
    """Clients ask for the schemas of what they read."""
    assert name == image("GET", f"/v2/schemas/{name}").json["name"]


def test_an_answer_carries_the_record_of_step_13(image: Api) -> None:
    """Who asks for a trace gets the validation of the token as step 13."""
    made = create(image)
    answer = image("GET", f"/v2/images/{made['id']}", headers={TRACE_HEADER: "1"})
    assert from_header(answer.headers[TRACE_HEADER])["validated"].step == 13
    assert answer.headers["x-openstack-request-id"].startswith("req-")


def test_unknown_urls_and_methods_are_told_apart(image: Api) -> None:
    """404 for the one, 405 with Allow for the other."""
    assert image("GET", "/v2/nothing").status == 404
    answer = image("POST", f"/v2/images/{uuid.uuid4()}")
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, PATCH")
