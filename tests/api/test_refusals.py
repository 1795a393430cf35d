"""What Nova's schemas refuse is refused in Nova's words; what each sentence says is Nova's own.

tests/differential/test_schemas_against_nova.py compares all of them, where Nova is installed.
"""

from __future__ import annotations

from typing import Any

import pytest

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.schema_checks import Checker
from tests.api.conftest import ADMIN, Api, Cloud

SERVER = "/servers/99999999-8888-4777-8666-555555555555"
BARE = {"server": {"name": "x", "flavorRef": "1"}}
NO_NAME = (
    "An invalid 'name' value was provided. The name must be: printable characters. Can not start or"
    " end with whitespace."
)
FIELD, QUERY = "Invalid input for field/attribute", "Invalid input for query parameters"


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    return cloud.api("osapi_compute")


def message(api: Api, method: str, path: str, version: str, body: Any = None) -> str:
    """Return what a request is refused with: 400, in Nova's form."""
    headers = {"OpenStack-API-Version": f"compute {version}"}
    answer = api(method, f"/v2.1{path}", body, token=ADMIN, headers=headers)
    assert answer.status == 400, answer.data
    fault = answer.json["badRequest"]
    assert fault["code"] == 400
    return str(fault["message"])


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"name": " x"}, NO_NAME),
        ({"name": "😀"}, NO_NAME),
        ({"name": ""}, f"{FIELD} name. Value: . '' should be non-empty"),
        ({"min_count": "0"}, f"{FIELD} min_count. Value: 0. 0 is less than the minimum of 1"),
        ({"min_count": 2, "max_count": 1}, "min_count must be <= max_count"),
        ({"user_data": "a"}, f"{FIELD} user_data. Value: a. 'a' is not a 'base64'"),
        ({"config_drive": 1},
         f"{FIELD} config_drive. Value: 1. 1 is not of type 'boolean', 'string'"),
        ({"metadata": {"a": None}}, f"{FIELD} a. Value: None. None is not of type 'string'"),
        ({"imageRef": "x"},
         f"{FIELD} imageRef. Value: x. 'x' is not valid under any of the given schemas"),
    ],
)  # fmt: skip
def test_a_boot_is_refused(api: Api, wanted: Any, text: str) -> None:
    body = {"server": {"name": "x", "flavorRef": "1", **wanted}}
    assert message(api, "POST", "/servers", "2.1", body) == text


@pytest.mark.parametrize(
    ("method", "path", "version", "body", "text"),
    [
        ("POST", "/servers", "2.1", None, "None is not of type 'object'"),
        ("POST", "/servers", "2.1", [], "[] is not of type 'object'"),
        ("POST", "/servers", "2.37", BARE,
         f"{FIELD} server. Value: {BARE['server']}. 'networks' is a required property"),
        ("POST", f"{SERVER}/action", "2.1", {"unheard": None}, "There is no such action: unheard"),
        ("POST", f"{SERVER}/action", "2.1", {"a": 1, "b": 2}, "Malformed request body"),
        ("POST", f"{SERVER}/action", "2.1", [], "Malformed request body"),
        ("POST", f"{SERVER}/action", "2.1", {"os-resetState": {}},
         f"{FIELD} os-resetState. Value: {{}}. 'state' is a required property"),
        ("POST", "/flavors", "2.1", {"flavor": {"name": "x", "ram": "0", "vcpus": 1, "disk": 1}},
         f"{FIELD} ram. Value: 0. 0 is less than the minimum of 1"),
        ("PUT", "/os-aggregates/1", "2.1", {"aggregate": {}},
         f"{FIELD} aggregate. Value: {{}}. {{}} is not valid under any of the given schemas"),
        ("POST", "/os-keypairs", "2.92", {"keypair": {"name": "x"}},
         f"{FIELD} keypair. Value: {{'name': 'x'}}. 'public_key' is a required property"),
        ("PUT", f"{SERVER}/tags/x", "2.26", {}, "{} is not of type 'null'"),
    ],
)  # fmt: skip
def test_a_body_is_refused(
    api: Api, method: str, path: str, version: str, body: Any, text: str
) -> None:
    assert message(api, method, path, version, body) == text


@pytest.mark.parametrize(
    ("path", "version", "text"),
    [
        ("/servers?limit=-1", "2.1", f"{QUERY} limit. Value: -1. '-1' does not match '^[0-9]*$'"),
        ("/servers?changes-since=now", "2.1",
         f"{QUERY} changes-since. Value: now. 'now' is not a 'date-time'"),
        ("/servers?name=(", "2.1", f"{QUERY} name. Value: (. '(' is not a 'regex'"),
        ("/servers?colour=red", "2.75", "'colour' does not match any of the regexes: '^_'"),
        ("/flavors?colour=red", "2.75",
         "Additional properties are not allowed ('colour' was unexpected)"),
        ("/flavors?sort_dir=up", "2.1",
         f"{QUERY} sort_dir. Value: up. 'up' is not one of ['asc', 'desc']"),
        ("/os-hypervisors?with_servers=1&with_servers=0", "2.53",
         f"{QUERY} with_servers. Value: ['1', '0']. ['1', '0'] is too long"),
        ("/os-migrations?user_id=x", "2.79",
         "Additional properties are not allowed ('user_id' was unexpected)"),
    ],
)  # fmt: skip
def test_a_query_is_refused(api: Api, path: str, version: str, text: str) -> None:
    """In Nova's words."""
    assert message(api, "GET", path, version) == text


@pytest.mark.parametrize(
    "path", ["/servers?name=a%7B99999999999%7D", f"/flavors?name={'(' * 3000}{')' * 3000}"]
)
def test_a_pattern_that_cannot_be_had_is_refused(api: Api, path: str) -> None:
    """However it fails to be one."""
    answer = api("GET", f"/v2.1{path}", headers={"OpenStack-API-Version": "compute 2.104"})
    assert answer.status == 400


@pytest.mark.parametrize(
    "hint", ["[" * 600 + "]" * 600, '{"a": ' * 100 + "1" + "}" * 100, "NaN", "-Infinity", "1e400"]
)
def test_a_body_of_more_than_can_be_kept_is_refused(api: Api, hint: str) -> None:
    """Too deep, or a number that no database has."""
    body = f'{{"server": {{"name": "x"}}, "os:scheduler_hints": {{"x": {hint}}}}}'
    answer = api("POST", "/v2.1/servers", data=body.encode())
    assert answer.status == 400
    assert answer.json["badRequest"]["message"] == "Malformed request body"


@pytest.mark.parametrize("kind", ["text/xml", "application/xml", "garbage"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/servers"), ("POST", "/servers")])
def test_other_content_types_are_refused(api: Api, kind: str, method: str, path: str) -> None:
    """Also where there is no body; text/plain is what some clients send JSON as."""
    answer = api(method, f"/v2.1{path}", headers={"Content-Type": kind})
    assert answer.status == 415
    assert answer.json["badMediaType"]["message"] == "Unsupported Content-Type"
    taken = api("POST", "/v2.1/servers", data=b"{}", headers={"Content-Type": "text/plain"})
    assert taken.json["badRequest"]["message"] == "'server' is a required property"


@pytest.mark.parametrize(
    ("asked", "status", "name"),
    [
        ("compute 2.01", 400, "badRequest"),
        ("compute v2.1", 400, "badRequest"), ("compute 2", 400, "badRequest"),
        ("compute 2.0", 406, "computeFault"), ("compute 3.0", 406, "computeFault"),
        ("compute 2.999", 406, "computeFault"),
    ],
)  # fmt: skip
def test_no_version_and_one_that_is_not_offered(
    api: Api, asked: str, status: int, name: str
) -> None:
    """What is no version is 400, one that there is not 406."""
    answer = api("GET", "/v2.1/servers", headers={"OpenStack-API-Version": asked})
    assert (answer.status, answer.json[name]["code"]) == (status, status)


def test_a_version_of_no_service_asks_for_nothing(api: Api) -> None:
    """It may be another service's."""
    answer = api("GET", "/v2.1/servers", headers={"OpenStack-API-Version": "2.1"})
    assert answer.status == 200


@pytest.mark.parametrize(
    ("schema", "taken", "refused"),
    [
        ({"type": "string", "format": "uuid"}, "9" * 32, "9" * 31),
        ({"type": "string", "format": "date-time"}, "2026-01-01", "2026-13-01"),
        ({"type": "string", "format": "regex"}, "a|b", ""),
        ({"type": "string", "format": "az_name"}, "a b", "a:b"),
        ({"type": ["integer", "string"], "maximum": 5}, "5", "6"),
        ({"type": "string", "format": "name_with_leading_trailing_spaces"}, " x ", "  "),
    ],
)
def test_formats_and_bounds(schema: Any, taken: str, refused: str) -> None:
    checker = Checker(schema)
    checker.check(taken)
    with pytest.raises(Invalid):
        checker.check(refused)
