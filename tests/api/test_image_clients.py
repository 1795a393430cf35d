"""The image service over real HTTP: compute's client, the unmodified SDK, chunked bodies."""

from __future__ import annotations

import hashlib
import http.client
import io
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import openstack
import pytest
from keystoneauth1 import session, token_endpoint

from devstack_lite.clients.image import ImageClient
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound, Unauthorized, Unavailable
from tests.api.conftest import ADMIN, ADMIN_PROJECT, DEMO, Cloud


@pytest.fixture(scope="module")
def url(cloud: Cloud) -> str:
    return cloud.serve("image")


@pytest.fixture(scope="module")
def sdk(url: str) -> Iterator[Any]:
    auth = token_endpoint.Token(url, ADMIN)
    connection = openstack.connection.Connection(
        session=session.Session(auth=auth), image_endpoint_override=url
    )
    yield connection
    connection.close()


def test_the_sdk_creates_lists_shows_changes_and_deletes(sdk: Any) -> None:
    """What `openstack image …` does, through the same library."""
    data = b"cirros" * 100_000
    made = sdk.image.create_image(
        "sdk", data=data, disk_format="qcow2", container_format="bare", tags=["t"],
        validate_checksum=True, os_distro="cirros",
    )  # fmt: skip
    image = sdk.image.get_image(made.id)
    assert ("active", len(data)) == (image.status, image.size)
    assert image.os_distro == "cirros"
    assert made.id == sdk.image.find_image("sdk").id
    assert made.id in [one.id for one in sdk.image.images(limit=1)]
    changed = sdk.image.update_image(image, name="renamed", min_ram=64, extra="x")
    assert (changed.name, changed.min_ram, changed.properties["extra"]) == ("renamed", 64, "x")
    target = io.BytesIO()
    sdk.image.download_image(made.id, output=target)
    assert data == target.getvalue()
    sdk.image.add_tag(made.id, "u")
    assert sdk.image.get_image(made.id).tags == ["t", "u"]
    sdk.image.delete_image(made.id)
    assert sdk.image.find_image("renamed") is None


def test_the_sdk_imports(sdk: Any) -> None:
    """Stage and glance-direct import, as `openstack image create --import` does it."""
    made = sdk.image.create_image(
        "imported", data=b"staged", disk_format="raw", container_format="bare", use_import=True,
        wait=True, timeout=10,
    )  # fmt: skip
    assert sdk.image.get_image(made.id).status == "active"
    sdk.image.delete_image(made.id)


def test_more_images_than_a_page_are_listed(sdk: Any) -> None:
    """The SDK follows next."""
    for number in range(30):
        sdk.image.create_image(f"page-{number}", disk_format="raw", container_format="bare")
    found = [one.name for one in sdk.image.images()]
    assert len([name for name in found if name.startswith("page-")]) == 30


def _send_chunked(url: str, path: str, chunks: list[bytes]) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    headers = {"X-Auth-Token": ADMIN, "Content-Type": "application/octet-stream"}
    connection.request("PUT", path, body=iter(chunks), headers=headers, encode_chunked=True)
    first = connection.getresponse()
    first.read()
    # The connection must still be in step: a second request on it is answered as usual.
    connection.request("GET", "/v2/images?limit=1", headers={"X-Auth-Token": ADMIN})
    assert connection.getresponse().status == 200
    connection.close()
    return first.status


def test_a_chunked_body_is_taken(sdk: Any, url: str) -> None:
    """Data without Content-Length arrives whole; where it is refused the connection lives on."""
    made = sdk.image.create_image("chunked", disk_format="raw", container_format="bare")
    chunks = [b"a" * 70_000, b"b", b"c" * 300_000]
    path = f"/v2/images/{made.id}/file"
    assert _send_chunked(url, path, chunks) == 204
    shown = sdk.image.get_image(made.id)
    assert hashlib.md5(b"".join(chunks)).hexdigest() == shown.checksum
    assert _send_chunked(url, path, chunks) == 409
    assert _send_chunked(url, f"/v2/images/{uuid.uuid4()}/file", chunks) == 404


def test_computes_client_gets_an_image_and_step_13(sdk: Any, url: str) -> None:
    """One request: the record of the image, and who validated the token."""
    made = sdk.image.create_image("for-compute", disk_format="raw", container_format="bare")
    client = ImageClient(url, 10.0)
    context = RequestContext(auth_token=ADMIN, project_id=ADMIN_PROJECT)
    image, step = client.get_image(context, made.id)
    assert (made.id, "for-compute") == (image["id"], image["name"])
    assert step is not None
    assert step.step == 13
    with pytest.raises(NotFound):
        client.get_image(context, str(uuid.uuid4()))
    with pytest.raises(Unauthorized):
        client.get_image(RequestContext(auth_token="nonsense"), made.id)
    with pytest.raises(Unavailable):
        ImageClient("http://127.0.0.1:1", 1.0).get_image(RequestContext(auth_token=DEMO), made.id)
