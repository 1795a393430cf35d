"""Bad input gets the API's documented error in Nova's form, and leaves no row behind."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

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
    ("empty name", {"name": " "}, 400, "badRequest", "Invalid input for field/attribute name."),
    ("unknown key", {"colour": "red"}, 400, "badRequest", "Additional properties are not allowed"),
    ("missing", {"flavorRef": None}, 400, "badRequest", "'flavorRef' is a required property"),
    ("volume", {"block_device_mapping_v2": [{"source_type": "volume"}]}, 400, "badRequest",
     "Block Device Mapping is Invalid"),
]  # fmt: skip


def count_rows(cloud: WholeCloud) -> tuple[int, ...]:
    tables = ("instances", "instance_actions", "claims", "ports")
    usage = cloud.scalar("SELECT coalesce(sum(instances), 0) FROM quota_usages")
    return (*(cloud.scalar(f"SELECT count(*) FROM {table}") for table in tables), usage)


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
    assert answer.status == status, answer.data
    body = answer.json()
    assert list(body) == [fault]
    assert body[fault]["code"] == status
    assert text in body[fault]["message"]
    assert str(answer.headers.get("x-openstack-request-id")).startswith("req-")
    assert answer.headers.get("x-compute-request-id") == answer.headers.get(
        "x-openstack-request-id"
    )
    assert count_rows(whole_cloud) == before


def raw(
    cloud: WholeCloud, method: str, path: str, body: bytes | None = None, **headers: str
) -> Any:
    """Send a request byte by byte as given; return its answer."""
    parts = urlsplit(cloud.record.endpoints["compute"])
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, f"{parts.path}{path}", body, sent)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_http_errors(whole_cloud: WholeCloud) -> None:
    """Malformed, huge, foreign and misdirected requests get the status that says so."""
    token = whole_cloud.token()
    json = "application/json"
    cases = [
        (400, ("POST", "/servers", b"{not json"), {"Content_Type": json}),
        (400, ("POST", "/servers", b"[]"), {"Content_Type": json}),
        (415, ("POST", "/servers", b"a=b"), {"Content_Type": "application/x-www-form-urlencoded"}),
        (413, ("POST", "/servers", b" " * 200_000), {"Content_Type": json}),
        (404, ("GET", "/nothing/here", None), {}),
        (404, ("GET", f"/servers/{NOBODY}", None), {}),
        (405, ("PATCH", "/servers", None), {}),
        (406, ("GET", "/servers", None), {"OpenStack_API_Version": "compute 9.9"}),
        (400, ("GET", "/servers", None), {"OpenStack_API_Version": "compute two"}),
        (400, ("GET", "/servers?limit=-1", None), {}),
        (400, ("GET", f"/servers?marker={NOBODY}", None), {}),
    ]
    seen = [
        raw(whole_cloud, *request, X_Auth_Token=token, **headers).status
        for _, request, headers in cases
    ]
    assert seen == [status for status, _, _ in cases]


@pytest.mark.parametrize("token", ["", "nonsense", "gAAAAABnonsense" * 8])
def test_foreign_token_is_refused(whole_cloud: WholeCloud, token: str) -> None:
    """A token that this cloud did not make gets 401."""
    answer = raw(whole_cloud, "GET", "/servers", X_Auth_Token=token)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")


def test_revoked_token_is_refused(whole_cloud: WholeCloud) -> None:
    """A token that was given back is worth nothing from then on."""
    from devstack_lite.clients.http import HttpPeer

    token = whole_cloud.token()
    assert raw(whole_cloud, "GET", "/servers", X_Auth_Token=token).status == 200
    identity = HttpPeer(whole_cloud.record.endpoints["identity"])
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert identity.request("DELETE", "/auth/tokens", headers=headers).status == 204
    assert raw(whole_cloud, "GET", "/servers", X_Auth_Token=token).status == 401


def test_expired_token_is_refused(whole_cloud: WholeCloud) -> None:
    """A token of this cloud whose time is over gets 401."""
    import json

    from cryptography.fernet import Fernet

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
