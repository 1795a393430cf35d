"""Bad input gets the API's documented error in Nova's form, and leaves no row behind."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet

from devstack_lite.clients.http import Answer, HttpPeer
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

NOBODY = "00000000-0000-4000-8000-000000000000"

REFUSED: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("flavor", {"flavorRef": "nope"}, 400, "badRequest", "Flavor nope could not be found."),
    ("image", {"imageRef": NOBODY}, 400, "badRequest", "Can not find requested image"),
    ("network", {"networks": [{"uuid": NOBODY}]}, 400, "badRequest", "could not be found"),
    ("key", {"key_name": "nope"}, 400, "badRequest", "Invalid key_name provided."),
    ("zone", {"availability_zone": "nope"}, 400, "badRequest", "zone is not available"),
    ("count", {"min_count": 3, "max_count": 2}, 400, "badRequest", "min_count must be <="),
    ("type", {"name": 7}, 400, "badRequest", "Invalid input for field/attribute name."),
    ("empty name", {"name": " "}, 400, "badRequest", "The name must be: printable characters"),
    ("name of two lines", {"name": "a\nb"}, 400, "badRequest", "An invalid 'name' value"),
    ("name with a NUL", {"name": "a\0b"}, 400, "badRequest", "An invalid 'name' value"),
    ("user data", {"user_data": "a"}, 400, "badRequest", "'a' is not a 'base64'"),
    ("security group", {"security_groups": [{"name": "nope"}]}, 400, "badRequest",
     "Unable to find security_group"),
    ("later networks", {"networks": "auto"}, 400, "badRequest", "field/attribute networks."),
    ("personality", {"personality": [{"path": "/a", "contents": "a"}]}, 400, "badRequest",
     "field/attribute contents. Value: a. 'a' is not a 'base64'"),
    ("unknown key", {"colour": "red"}, 400, "badRequest", "Additional properties are not allowed"),
    ("missing", {"flavorRef": None}, 400, "badRequest", "'flavorRef' is a required property"),
    ("volume", {"block_device_mapping_v2": [{"source_type": "volume"}]}, 400, "badRequest",
     "Block Device Mapping is Invalid"),
]  # fmt: skip


def count_rows(cloud: WholeCloud) -> dict[str, int]:
    tables = ("instances", "instance_actions", "action_events", "claims", "ports", "boot_steps")
    found = {table: cloud.scalar(f"SELECT count(*) FROM {table}") for table in tables}
    for resource in ("instances", "cores", "ram"):
        total = f"SELECT coalesce(sum({resource}), 0) FROM quota_usages"
        found[f"{resource} used"] = cloud.scalar(total)
    return found


def check_fault(answer: Any, status: int, fault: str) -> str:
    """Check a fault's form and its headers; return its text."""
    assert answer.status == status, answer.data
    body = answer.json()
    assert list(body) == [fault]
    assert body[fault]["code"] == status
    request_id = answer.headers.get("x-openstack-request-id")
    assert str(request_id).startswith("req-")
    assert answer.headers.get("x-compute-request-id") == request_id
    assert answer.headers.get("content-type") == "application/json"
    return str(body[fault]["message"])


@pytest.mark.parametrize(
    ("change", "status", "fault", "text"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_boot_is_refused(
    whole_cloud: WholeCloud, change: dict[str, Any], status: int, fault: str, text: str
) -> None:
    """A request that names what is not there, or is not well formed, changes nothing."""
    before = count_rows(whole_cloud)
    answer = whole_cloud.compute("POST", "/servers", whole_cloud.body("refused", **change))
    assert text in check_fault(answer, status, fault)
    assert count_rows(whole_cloud) == before


@pytest.mark.parametrize(
    ("flavor", "change", "text"),
    [
        ({"vcpus": 40_001}, {}, "cores: Requested 40001, but already used 0 of 40000 cores"),
        ({"ram": 2**31 - 1}, {}, "ram: Requested 2147483647, but already used 0 of 81920000 ram"),
        ({"vcpus": 50}, {"min_count": 900}, "cores: Requested 45000"),
        ({}, {"metadata": {f"key{n}": "" for n in range(129)}}, "too many metadata items"),
    ],
    ids=["cores", "ram", "count", "metadata"],
)
def test_exceeded_quota_is_forbidden(
    whole_cloud: WholeCloud, flavor: dict[str, Any], change: dict[str, Any], text: str
) -> None:
    """A boot beyond the project's quota gets 403 in Nova's words, and nothing is counted."""
    values = {"name": "vast", "id": "vast", "ram": 64, "vcpus": 1, "disk": 1, **flavor}
    made = whole_cloud.compute("POST", "/flavors", {"flavor": values})
    assert made.status == 200, made.data
    before = count_rows(whole_cloud)
    body = whole_cloud.body("over", **{"flavorRef": "vast", **change})
    answer = whole_cloud.compute("POST", "/servers", body, token=whole_cloud.token("demo"))
    assert whole_cloud.compute("DELETE", "/flavors/vast").status == 202
    said = check_fault(answer, 403, "forbidden")
    assert said.startswith("Quota exceeded")
    assert text in said
    assert count_rows(whole_cloud) == before


def headers_of(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def raw(
    cloud: WholeCloud, method: str, path: str, body: bytes | None = None, /, **headers: str
) -> Answer:
    """Send a request byte by byte as given; return its answer."""
    parts = urlsplit(cloud.record.endpoints["compute"])
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, f"{parts.path}{path}", body, sent)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return Answer(status=answer.status, headers=headers_of(answer), data=data)


JSON = {"Content_Type": "application/json"}
MISDIRECTED: list[tuple[str, int, str, tuple[Any, ...], dict[str, str]]] = [
    ("malformed", 400, "badRequest", ("POST", "/servers", b"{not json"), JSON),
    ("not an object", 400, "badRequest", ("POST", "/servers", b"[]"), JSON),
    ("not text", 400, "badRequest", ("POST", "/servers", b"\xff\xfe{}"), JSON),
    ("no body", 400, "badRequest", ("POST", "/servers", b""), JSON),
    ("content type", 415, "badMediaType", ("POST", "/servers", b"a=b"),
     {"Content_Type": "application/x-www-form-urlencoded"}),
    ("huge body", 413, "overLimit", ("POST", "/servers", b" " * 200_000), JSON),
    ("unknown route", 404, "itemNotFound", ("GET", "/nothing/here"), {}),
    ("unknown server", 404, "itemNotFound", ("GET", f"/servers/{NOBODY}"), {}),
    ("wrong method", 405, "badMethod", ("PATCH", "/servers"), {}),
    ("microversion", 406, "computeFault", ("GET", "/servers"),
     {"OpenStack_API_Version": "compute 9.9"}),
    ("no microversion", 400, "badRequest", ("GET", "/servers"),
     {"OpenStack_API_Version": "compute two"}),
    ("limit", 400, "badRequest", ("GET", "/servers?limit=-1"), {}),
    ("marker", 400, "badRequest", ("GET", f"/servers?marker={NOBODY}"), {}),
    ("two actions", 400, "badRequest",
     ("POST", f"/servers/{NOBODY}/action", b'{"os-stop":null,"os-start":null}'), JSON),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "fault", "request_", "headers"),
    [case[1:] for case in MISDIRECTED],
    ids=[case[0] for case in MISDIRECTED],
)
def test_misdirected_request_is_refused(
    whole_cloud: WholeCloud,
    status: int,
    fault: str,
    request_: tuple[Any, ...],
    headers: dict[str, str],
) -> None:
    """Malformed, huge, foreign and misdirected requests get the status that says so."""
    before = count_rows(whole_cloud)
    method, path, body = (*request_, None)[:3]
    answer = raw(whole_cloud, method, path, body, X_Auth_Token=whole_cloud.admin_token(), **headers)
    check_fault(answer, status, fault)
    assert count_rows(whole_cloud) == before


def test_endless_body_is_refused(whole_cloud: WholeCloud) -> None:
    """A body in chunks, whose length nobody says, is cut off at the same bound."""
    parts = urlsplit(whole_cloud.record.endpoints["compute"])
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    headers = {"X-Auth-Token": whole_cloud.admin_token(), "Content-Type": "application/json"}
    connection.request("POST", f"{parts.path}/servers", iter([b" " * 20_000] * 10), headers,
                       encode_chunked=True)  # fmt: skip
    assert connection.getresponse().status == 413
    connection.close()


FOREIGN = Fernet(Fernet.generate_key()).encrypt(b'{"user_id": "admin"}').decode()


@pytest.mark.parametrize("token", ["", "nonsense", "gAAAAABnonsense" * 8, FOREIGN])
def test_foreign_token_is_refused(whole_cloud: WholeCloud, token: str) -> None:
    """A token that this cloud did not make gets 401."""
    before = count_rows(whole_cloud)
    for method in ("GET", "POST"):
        answer = raw(whole_cloud, method, "/servers", X_Auth_Token=token)
        check_fault(answer, 401, "unauthorized")
    assert count_rows(whole_cloud) == before
    assert answer.headers["www-authenticate"].startswith("Keystone uri=")


def test_revoked_token_is_refused(whole_cloud: WholeCloud) -> None:
    """A token that was given back is worth nothing from then on."""
    token = whole_cloud.token()
    assert raw(whole_cloud, "GET", "/servers", X_Auth_Token=token).status == 200
    identity = HttpPeer(whole_cloud.record.endpoints["identity"])
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert identity.request("DELETE", "/auth/tokens", headers=headers).status == 204
    assert raw(whole_cloud, "GET", "/servers", X_Auth_Token=token).status == 401


def test_expired_token_is_refused(whole_cloud: WholeCloud) -> None:
    """A token of this cloud whose time is over gets 401."""
    key = (whole_cloud.record.state_dir / "identity" / "fernet.key").read_bytes()
    said = json.loads(Fernet(key).decrypt(whole_cloud.token().encode()))
    said["expires_at"] = said["issued_at"] - 1
    expired = Fernet(key).encrypt(json.dumps(said).encode()).decode()
    assert raw(whole_cloud, "GET", "/servers", X_Auth_Token=expired).status == 401


def test_other_projects_server_is_not_there(whole_cloud: WholeCloud) -> None:
    """A member neither sees nor touches another project's server, nor what admins do."""
    server_id = whole_cloud.boot("private")
    whole_cloud.wait_for(server_id, "ACTIVE")
    demo = whole_cloud.token("demo")

    def status(method: str, path: str, body: Any = None) -> int:
        return whole_cloud.compute(method, path, body, token=demo).status

    assert status("GET", f"/servers/{server_id}") == 404
    assert status("DELETE", f"/servers/{server_id}") == 404
    assert status("POST", f"/servers/{server_id}/action", {"os-stop": None}) == 404
    assert status("GET", "/servers?all_tenants=1") == 403
    assert status("GET", "/os-services") == 403
    assert status("GET", "/os-hypervisors") == 403
    assert whole_cloud.compute("GET", "/servers", token=demo).json() == {"servers": []}
    whole_cloud.delete_all("private")
