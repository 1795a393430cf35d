"""What the compute API says of flavors that want PCI devices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from devstack_lite.db import hosts
from devstack_lite.db.schema import instances
from devstack_lite.states import VmState
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, Answer, Api, Cloud
from tests.api.test_compute_api import message as words_of
from tests.api.test_compute_servers import FLAVOR, change, record

UUID = "00000000-0000-4000-8000-0000000000bb"
GPU = '{"name": "gpu", "vendor_id": "10de", "product_id": "1eb8"}'


@pytest.fixture
def api(cloud: Cloud) -> Iterator[Api]:
    """The compute API of a cloud that knows one alias."""
    cloud.conf.set_override("alias", [GPU], group="pci")
    yield cloud.api("osapi_compute")
    cloud.conf.clear_override("alias", group="pci")


@contextmanager
def wanting(api: Api, text: str) -> Iterator[str]:
    """Give the id of a flavor that wants devices, and remove it then."""
    body = {"flavor": {"name": "pci", "ram": 64, "vcpus": 1, "disk": 1}}
    made = api("POST", "/v2.1/flavors", body, token=ADMIN)
    assert made.status == 200, made.data
    flavor_id = made.json["flavor"]["id"]
    specs = {"extra_specs": {"pci_passthrough:alias": text}}
    path = f"/v2.1/flavors/{flavor_id}"
    assert api("POST", f"{path}/os-extra_specs", specs, token=ADMIN).status == 200
    yield flavor_id
    assert api("DELETE", path, token=ADMIN).status == 202


def refusal(answer: Answer) -> str:
    """Return the words of a 400."""
    return words_of(answer, 400, "badRequest")


def boot(api: Api, flavor_id: str) -> Any:
    server = {"name": "vm", "flavorRef": flavor_id, "imageRef": UUID, "networks": "none"}
    headers = {"X-OpenStack-Nova-API-Version": "2.37"}
    return api("POST", "/v2.1/servers", {"server": server}, token=DEMO, headers=headers)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fpga:1", "PCI alias fpga is not defined"),
        ("gpu:1,fpga:2", "PCI alias fpga is not defined"),
        ("gpu", "must be of format $alias:$count"),
        ("gpu:one", "must be of format $alias:$count"),
    ],
)
def test_a_boot_that_wants_what_is_none_is_refused(api: Api, text: str, words: str) -> None:
    with wanting(api, text) as flavor_id:
        answer = boot(api, flavor_id)
        assert words in refusal(answer)


def test_one_that_wants_what_there_is_goes_on_to_the_next_check(api: Api) -> None:
    """The image, which is not there."""
    with wanting(api, "gpu:1") as flavor_id:
        answer = boot(api, flavor_id)
        assert "image" in refusal(answer).lower()


def test_a_definition_that_is_none_is_told(api: Api, cloud: Cloud) -> None:
    cloud.conf.set_override("alias", ['{"name": "gpu"}'], group="pci")
    with wanting(api, "gpu:1") as flavor_id:
        answer = boot(api, flavor_id)
        assert refusal(answer) == (
            "The PCI alias(es) gpu does not have vendor_id and product_id fields set."
        )


def test_a_server_is_not_resized_to_what_is_none(api: Api, cloud: Cloud) -> None:
    """Nor does one that has devices go elsewhere while it runs."""
    record(cloud, DEMO_PROJECT, [UUID], "vm")
    change(cloud, UUID, vm_state=VmState.ACTIVE, task_state=None, host="host1", node="host1")
    path = f"/v2.1/servers/{UUID}/action"
    with wanting(api, "fpga:1") as flavor_id:
        answer = api("POST", path, {"resize": {"flavorRef": flavor_id}}, token=DEMO)
        assert refusal(answer) == "PCI alias fpga is not defined"
    with_gpu = {"id": "9", "name": "gpu", "vcpus": 1, "memory_mb": 1, "root_gb": FLAVOR.root_gb,
                "extra_specs": {"pci_passthrough:alias": "gpu:1"}}  # fmt: skip
    change(cloud, UUID, flavor=with_gpu)
    hosts.report_service(
        cloud.db, binary="nova-compute", host="host1", topic="compute", availability_zone="nova"
    )
    live = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
    headers = {"X-OpenStack-Nova-API-Version": "2.30"}
    answer = api("POST", path, live, token=ADMIN, headers=headers)
    assert "live-migratable devices" in refusal(answer)
    with cloud.db.write() as connection:
        connection.execute(instances.delete())
