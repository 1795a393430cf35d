"""Images that the hosts of an aggregate are told to keep, in a whole cloud."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

HOST = "host1"


def fetched(cloud: WholeCloud, name: str) -> str:
    """Boot a server on HOST and return what its step 12 says."""
    sdk = cloud.sdk()
    flavor = next(iter(sdk.compute.flavors()))
    made = sdk.compute.create_server(
        name=name, flavor_id=flavor.id, image_id=cloud.image_id, availability_zone=f"nova:{HOST}",
        networks=[{"uuid": cloud.network_id}],
    )  # fmt: skip
    cloud.wait_for(made.id, "ACTIVE")
    trace = cloud.compute("GET", f"/servers/{made.id}/os-boot-trace").json()["boot_trace"]
    [step] = [one for one in trace["steps"] if one["step"] == 12]
    return str(step["detail"])


def test_a_build_takes_an_image_that_its_host_keeps(whole_cloud: WholeCloud) -> None:
    """Its host, not another; an image that is not there holds nobody up."""
    sdk = whole_cloud.sdk()
    assert "kept by the host" not in fetched(whole_cloud, "kept-1")
    aggregate = sdk.compute.create_aggregate(name="keepers")
    sdk.compute.add_host_to_aggregate(aggregate, HOST)
    absent = "99999999-8888-4777-8666-555555555555"
    wanted: Any = {"cache": [{"id": absent}, {"id": whole_cloud.image_id}]}
    for _ in range(2):
        answer = sdk.compute.post(
            f"/os-aggregates/{aggregate.id}/images", json=wanted,
            headers={"OpenStack-API-Version": "compute 2.81"},
        )  # fmt: skip
        assert (answer.status_code, answer.content) == (202, b"")
    assert "kept by the host" in fetched(whole_cloud, "kept-2")
    whole_cloud.delete_all("kept-")
    sdk.compute.remove_host_from_aggregate(aggregate, HOST)
    sdk.compute.delete_aggregate(aggregate)
