"""The filters before the compute API: who may ask, how often, from where; and how to add one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack_lite.exceptions import Invalid
from devstack_lite.paths import DEPLOY
from devstack_lite.wsgi.middleware.ratelimit import Buckets, Rule
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Cloud
from tests.api.test_compute_api import message

Override = Callable[..., None]


@pytest.fixture
def override(cloud: Cloud) -> Iterator[Override]:
    """Set options of a group for one test."""
    changed: list[tuple[str, str | None]] = []

    def change(group: str | None = None, /, **values: Any) -> None:
        for name, value in values.items():
            cloud.conf.set_override(name, value, group=group)
            changed.append((name, group))

    yield change
    for name, group in changed:
        cloud.conf.clear_override(name, group=group)


def test_keystone_asks_for_a_token(cloud: Cloud) -> None:
    """It is the strategy that nobody needs to choose."""
    api = cloud.api("osapi_compute")
    assert api("GET", "/v2.1/servers", token=None).status == 401
    assert api("GET", "/v2.1/servers", token=DEMO).status == 200


def test_noauth2_believes_the_request(cloud: Cloud, override: Override) -> None:
    """The token's words, the headers', or nothing at all; admin is an administrator."""
    override("api", auth_strategy="noauth2")
    api = cloud.api("osapi_compute")
    for headers, status in (
        ({}, 200),
        ({"X-Auth-Token": f"somebody:{DEMO_PROJECT}"}, 403),
        ({"X-Auth-Token": "admin:admin"}, 200),
        ({"X-Auth-User": "somebody", "X-Auth-Project-Id": DEMO_PROJECT}, 403),
    ):
        answer = api("GET", "/v2.1/os-hypervisors", token=None, headers=headers)
        assert answer.status == status, headers


def test_a_request_too_many(cloud: Cloud, override: Override) -> None:
    """429 in OpenStack's form, with what to wait for; others, and other routes, are not meant."""
    override("api", rate_limits=["POST ^/os-keypairs 2/hour", "* ^/flavors$ 3/day"])
    api = cloud.api("osapi_compute")
    path, refused = f"/v2.1/{DEMO_PROJECT}/os-keypairs", {"keypair": {}}
    assert [api("POST", path, refused).status for _ in range(2)] == [400, 400]
    answer = api("POST", "/v2.1/os-keypairs", refused)
    said = message(answer, 429, "overLimit")
    assert said == "This request was rate-limited: 2 POST ^/os-keypairs per hour are allowed."
    assert answer.json["overLimit"]["retryAfter"] == answer.headers["Retry-After"]
    assert 1700 < int(answer.headers["Retry-After"]) <= 1800
    assert answer.headers["x-compute-request-id"].startswith("req-")
    assert api("GET", path).status == 200
    assert api("POST", "/v2.1/os-keypairs", refused, token=OTHER).status == 400
    assert [api("GET", "/v2.1/flavors").status for _ in range(4)] == [200, 200, 200, 429]


def test_a_bucket_fills_up_again() -> None:
    """As fast as its rule says, and no fuller than it was; a refusal takes nothing."""
    now = [100.0]
    buckets = Buckets([Rule.parse("get ^/ 2/second"), Rule.parse("* .* 3/minute")],
                      clock=lambda: now[0])  # fmt: skip

    def waits() -> float:
        refused = buckets.take("user", "GET", "/servers")
        return refused[1] if refused else 0.0

    assert [waits(), waits()] == [0.0, 0.0]
    assert waits() == pytest.approx(0.5)
    now[0] += 0.5
    assert waits() == 0.0
    assert waits() == pytest.approx(19.5)
    assert buckets.take("other", "GET", "/servers") is None
    now[0] += 3600
    assert [waits(), waits()] == [0.0, 0.0]
    assert waits() == pytest.approx(0.5)


@pytest.mark.parametrize(
    "text", ["GET ^/", "GET ^/ 3", "GET ( 3/day", "GET ^/ 3/week", "GET . 0/day"]
)
def test_a_limit_that_is_none(text: str) -> None:
    """A sentence says what is wrong with it."""
    with pytest.raises(Invalid, match="no limit: "):
        Rule.parse(text)


def test_other_origins(cloud: Cloud, override: Override) -> None:
    """Allowed ones are answered before a token is asked for; without the option nothing is said."""
    page = "https://horizon.example.com"
    asked = {"Origin": page, "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "X-Auth-Token"}  # fmt: skip
    plain = cloud.api("osapi_compute")("GET", "/v2.1/servers", headers={"Origin": page})
    assert "Access-Control-Allow-Origin" not in plain.headers
    override("cors", allowed_origin=[page])
    api = cloud.api("osapi_compute")
    before = api("OPTIONS", "/v2.1/servers", token=None, headers=asked)
    assert before.status == 200
    assert before.headers["Access-Control-Allow-Origin"] == page
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    answer = api("GET", "/v2.1/servers", headers={"Origin": page})
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == page
    assert "X-Compute-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
    other = api("GET", "/v2.1/servers", headers={"Origin": "https://elsewhere.example.com"})
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize("service", ["osapi_compute", "image", "network", "volume", "placement"])
def test_health(cloud: Cloud, service: str) -> None:
    """Each service says that it is well, without a token."""
    assert cloud.api(service)("GET", "/healthcheck", token=None).status == 200


def test_a_filter_of_ones_own(
    cloud: Cloud, tmp_path: Path, override: Override, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the file with one more filter, and one less, is a pipeline of its own."""
    (tmp_path / "my_filters.py").write_text(
        "def factory(global_conf, word='hello', **local_conf):\n"
        "    def build(app):\n"
        "        def answer(environ, start_response):\n"
        "            def start(status, headers, exc_info=None):\n"
        "                return start_response(status, [*headers, ('X-Word', word)], exc_info)\n"
        "            return app(environ, start)\n"
        "        return answer\n"
        "    return build\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    text = (DEPLOY / "api-paste.ini").read_text()
    text = text.replace("keystone = cors compute_request_id", "keystone = mine compute_request_id")
    text += "\n[filter:mine]\npaste.filter_factory = my_filters:factory\nword = red\n"
    (tmp_path / "paste.ini").write_text(text)
    override(paste_config=str(tmp_path / "paste.ini"))
    answer = cloud.api("osapi_compute")("GET", "/v2.1/servers", token=ADMIN)
    assert (answer.status, answer.headers["X-Word"]) == (200, "red")
