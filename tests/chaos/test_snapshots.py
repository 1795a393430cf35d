"""Workers die while they make an image: it has its data, or it is gone, and the server is free."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack_lite.exceptions import Unavailable
from tests.chaos.conftest import all_active, boot
from tests.integration.conftest import wait_until
from tests.integration.test_snapshot_actions import ask, images_of, make_image, wait_for_image
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


@pytest.mark.parametrize(
    ("service", "point"),
    [
        # test_life has those of the server; these are the image's.
        ("compute", "op.createImage.upload.before"),
        ("conductor", "rpc.conductor.finish_upload.before"),
        ("conductor", "rpc.conductor.finish_upload.after"),
        ("image", "http.image.before"),
        ("image", "http.image.after"),
    ],
)
def test_an_image_outlives_the_worker_that_makes_it(
    cloud: WholeCloud, service: str, point: str
) -> None:
    """It becomes active with its data, and the server is ACTIVE with nothing under way."""
    boot(cloud, "pictured", 1)
    (server,) = all_active(cloud, "pictured", 1)
    cloud.command("chaos", "failpoint", "arm", point, "kill", "--service", service)
    image_id = make_image(cloud, server["id"], "snap")
    assert wait_for_image(cloud, image_id)["size"] == 65536
    cloud.wait_for(server["id"], "ACTIVE", 60.0)
    assert [one["id"] for one in images_of(cloud)] == [image_id]
    cloud.command("chaos", "failpoint", "disarm", "--all")
    assert ask(cloud, "DELETE", f"/v2/images/{image_id}").status == 204


def test_an_image_outlives_the_api_that_noted_it(cloud: WholeCloud) -> None:
    """The api dies before the image is recorded: the server's host records it."""
    boot(cloud, "pictured", 1)
    (server,) = all_active(cloud, "pictured", 1)
    cloud.command(
        "chaos", "failpoint", "arm", "rpc.conductor.begin_action.after", "hold",
        "--service", "conductor",
    )  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(make_image, cloud, server["id"], "snap")

        def is_noted() -> bool:
            query = "SELECT task_state FROM instances WHERE uuid = :u"
            return bool(cloud.scalar(query, u=server["id"]) == "image_snapshot_pending")

        wait_until(is_noted, "the conductor has noted it", 30.0)
        cloud.command("chaos", "kill", "api", "--all", "--no-wait")
        with pytest.raises(Unavailable):
            asked.result()
    assert images_of(cloud) == []
    cloud.command("chaos", "failpoint", "disarm", "--all")
    wait_until(lambda: len(images_of(cloud)) == 1, "the host has recorded it", 60.0)
    (image,) = images_of(cloud)
    assert wait_for_image(cloud, image["id"])["name"] == "snap"
    cloud.wait_for(server["id"], "ACTIVE", 60.0)
    assert ask(cloud, "DELETE", f"/v2/images/{image['id']}").status == 204


def test_a_server_that_is_deleted_leaves_no_image_without_data(cloud: WholeCloud) -> None:
    """The worker dies over the upload, and the delete overtakes what it had in hand."""
    boot(cloud, "pictured", 1)
    (server,) = all_active(cloud, "pictured", 1)
    cloud.command("chaos", "failpoint", "arm", "op.createImage.upload.before", "hold")
    make_image(cloud, server["id"], "snap")

    def task_state() -> bool:
        seen = cloud.server(server["id"])["OS-EXT-STS:task_state"]
        return bool(seen == "image_uploading")

    wait_until(task_state, "the upload begins", 30.0)
    assert cloud.compute("DELETE", f"/servers/{server['id']}").status == 204
    cloud.command("chaos", "kill", f"compute-{server['OS-EXT-SRV-ATTR:host']}")
    cloud.command("chaos", "failpoint", "disarm", "--all")
    wait_until(
        lambda: cloud.compute("GET", f"/servers/{server['id']}").status == 404, "it is gone", 60.0
    )
    cloud.command("check", "--wait", "100")
    for one in images_of(cloud):
        assert one["status"] == "active"
        ask(cloud, "DELETE", f"/v2/images/{one['id']}")
