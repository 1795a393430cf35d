"""What projects may have: set, shown, enforced, and given back to the defaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.db import schema
from devstack_lite.db.quota_limits import limits_of
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_compute_servers import record

SERVER = "00000000-0000-4000-8000-0000000000a1"
SETS = f"/v2.1/os-quota-sets/{DEMO_PROJECT}"
CLASS = "/v2.1/os-quota-class-sets/default"
RESOURCES = {
    "cores", "fixed_ips", "floating_ips", "injected_file_content_bytes",
    "injected_file_path_bytes", "injected_files", "instances", "key_pairs", "metadata_items", "ram",
    "security_group_rules", "security_groups", "server_group_members", "server_groups",
}  # fmt: skip
"""Those of microversion 2.1."""


@pytest.fixture
def api(cloud: Cloud) -> Iterator[Api]:
    """The compute API over a project with one server of one core."""
    record(cloud, DEMO_PROJECT, [SERVER], "counted")
    yield cloud.api("osapi_compute")
    with cloud.db.write() as connection:
        for table in (schema.instances, schema.quota_usages, schema.quota_limits,
                      schema.instance_actions, schema.keypairs):  # fmt: skip
            connection.execute(sa.delete(table))


def put(api: Api, path: str = SETS, *, token: str = ADMIN, **values: Any) -> Any:
    key = "quota_class_set" if "class" in path else "quota_set"
    return api("PUT", path, {key: values}, token=token)


def message(answer: Any) -> str:
    """Return the text of a fault."""
    return str(next(iter(answer.json.values()))["message"])


def shown(api: Api, path: str = SETS) -> dict[str, Any]:
    return dict(next(iter(api("GET", path, token=ADMIN).json.values())))


def test_the_resources_are_novas(api: Api) -> None:
    """Of 2.1, with the id where it shows and without where it changes."""
    assert set(shown(api)) == RESOURCES | {"id"}
    assert set(shown(api, f"{SETS}/defaults")) == RESOURCES | {"id"}
    assert set(put(api, cores=9).json["quota_set"]) == RESOURCES
    of_class = RESOURCES - {"server_groups", "server_group_members"}
    assert set(shown(api, CLASS)) == of_class | {"id"}
    assert set(put(api, CLASS, cores=9).json["quota_class_set"]) == of_class


def test_a_projects_limits_go_before_the_defaults(api: Api, cloud: Cloud) -> None:
    """Its own until they are deleted, then those of the class, which go before the options."""
    assert put(api, cores=7, ram="4096").json["quota_set"]["cores"] == 7
    assert (shown(api)["cores"], shown(api)["ram"]) == (7, 4096)
    assert shown(api, f"{SETS}/defaults")["cores"] == cloud.conf.quota.cores
    assert put(api, CLASS, cores=5, instances=3).status == 200
    assert (shown(api)["cores"], shown(api)["instances"]) == (7, 3)
    assert shown(api, f"{SETS}/defaults")["cores"] == shown(api, CLASS)["cores"] == 5
    absolute = api("GET", "/v2.1/limits").json["limits"]["absolute"]
    assert (absolute["maxTotalCores"], absolute["maxTotalInstances"]) == (7, 3)
    gone = api("DELETE", SETS, token=ADMIN)
    assert (gone.status, gone.data) == (202, b"")
    assert (shown(api)["cores"], shown(api)["ram"]) == (5, cloud.conf.quota.ram)


def test_what_is_used_bounds_what_is_set(api: Api) -> None:
    """400 in Nova's words below it, unless it is forced; -1 is any number."""
    refused = put(api, cores=0)
    text = "Quota limit 0 for cores must be greater than or equal to already used and reserved 1."
    assert (refused.status, message(refused)) == (400, text)
    assert put(api, cores=0, force=True).json["quota_set"]["cores"] == 0
    assert put(api, cores=-1).json["quota_set"]["cores"] == -1
    detail = api("GET", f"{SETS}/detail").json["quota_set"]
    assert detail["cores"] == {"limit": -1, "in_use": 1, "reserved": 0}
    assert set(detail) == RESOURCES | {"id"}


def test_limits_are_enforced(api: Api, cloud: Cloud) -> None:
    """What the api counts; a boot is refused in tests/integration/test_quotas.py."""
    put(api, cores=1, key_pairs=0, server_groups=0)
    assert limits_of(cloud.db, DEMO_PROJECT, cloud.conf.quota)["cores"] == 1
    refused = api("POST", "/v2.1/os-keypairs", {"keypair": {"name": "one"}})
    assert refused.status == 403
    group = {"server_group": {"name": "g", "policies": ["affinity"]}}
    assert api("POST", "/v2.1/os-server-groups", group).status == 403
    assert api("POST", "/v2.1/os-keypairs", {"keypair": {"name": "one"}}, token=OTHER).status == 200


@pytest.mark.parametrize(
    "values",
    [{"cores": -2}, {"cores": "x"}, {"cores": 1.5}, {"cores": 2**31}, {"cpus": 1}, {"cores": None},
     {"force": "perhaps"}],
)  # fmt: skip
def test_bodies_that_are_refused(api: Api, values: Any) -> None:
    """400, and nothing changed."""
    before = shown(api)
    assert put(api, **values).status == 400
    assert shown(api) == before


def test_users_have_less(api: Api, cloud: Cloud) -> None:
    """Of servers and key pairs, as much as the project or less; until it is deleted."""
    own = f"{SETS}?user_id=d"
    assert put(api, cores=8).status == 200
    answer = put(api, own, cores=2, key_pairs=0).json["quota_set"]
    assert (answer["cores"], answer["key_pairs"]) == (2, 0)
    assert (shown(api, own)["cores"], shown(api)["cores"]) == (2, 8)
    assert shown(api, own)["instances"] == shown(api)["instances"]
    detail = api("GET", f"{SETS}/detail?user_id=d").json["quota_set"]
    assert detail["cores"] == {"limit": 2, "in_use": 1, "reserved": 0}
    other = api("GET", f"{SETS}/detail?user_id=x").json["quota_set"]
    assert other["cores"] == {"limit": 8, "in_use": 0, "reserved": 0}
    member = f"d:{DEMO_PROJECT}:member,reader"
    absolute = api("GET", "/v2.1/limits", token=member).json["limits"]["absolute"]
    assert absolute["maxTotalCores"] == 2
    body = {"keypair": {"name": "one"}}
    assert api("POST", "/v2.1/os-keypairs", body, token=member).status == 403
    assert api("POST", "/v2.1/os-keypairs", body).status == 200
    assert api("DELETE", own, token=ADMIN).status == 202
    assert (shown(api, own)["cores"], shown(api)["cores"]) == (8, 8)
    put(api, own, cores=2)
    assert api("DELETE", SETS, token=ADMIN).status == 202
    assert shown(api, own)["cores"] == cloud.conf.quota.cores


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"cores": 9}, "Quota limit 9 for cores must be less than or equal to 8."),
        ({"cores": -1}, "Quota limit -1 for cores must be less than or equal to 8."),
        ({"cores": 0}, "must be greater than or equal to already used and reserved 1."),
        ({"server_groups": 1},
         "Users have no quota of server_groups of their own here, only projects have."),
    ],
)  # fmt: skip
def test_what_users_cannot_have(api: Api, values: dict[str, int], text: str) -> None:
    """400 in Nova's words for more than the project, and for less than is used."""
    put(api, cores=8)
    refused = put(api, f"{SETS}?user_id=d", **values)
    assert refused.status == 400
    assert message(refused).endswith(text)


def test_what_is_for_administrators(api: Api) -> None:
    """A member sees the own project's, and changes none; in Nova's words."""
    assert api("GET", SETS, token=DEMO).status == 200
    for method, path, rule in (
        ("PUT", SETS, "os-quota-sets:update"),
        ("DELETE", SETS, "os-quota-sets:delete"),
        ("GET", CLASS, "os-quota-class-sets:show"),
        ("PUT", CLASS, "os-quota-class-sets:update"),
    ):
        key = "quota_class_set" if "class" in path else "quota_set"
        refused = api(method, path, {key: {}} if method == "PUT" else None, token=DEMO)
        text = f"Policy doesn't allow os_compute_api:{rule} to be performed."
        assert (refused.status, message(refused)) == (403, text)
    for path, rule in ((SETS, "show"), (f"{SETS}/detail", "detail")):
        refused = api("GET", path, token=OTHER)
        assert refused.status == 403
        assert f"os-quota-sets:{rule}" in message(refused)
