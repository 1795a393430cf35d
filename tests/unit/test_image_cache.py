"""What a host keeps of images: fetched once, and what it cannot get named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from services.compute.driver import LibvirtDriver
from services.compute.image_cache import ImageCache, cache_images


class Images:
    """An image service with one image that is active, and one that is not."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_image(self, _context: RequestContext, image_id: str) -> tuple[dict[str, Any], None]:
        self.asked.append(image_id)
        if image_id == "gone":
            raise NotFound("No image found with ID gone")
        return {"id": image_id, "status": "queued" if image_id == "empty" else "active"}, None


def make_driver(tmp_path: Path, cache: ImageCache | None) -> LibvirtDriver:
    return LibvirtDriver(libvirt, lambda node: make_uri(tmp_path, node), image_cache=cache)


def test_an_image_is_fetched_once(tmp_path: Path, context: RequestContext) -> None:
    """Whichever worker asks; a second host's folder is another."""
    images: Any = Images()
    cache = ImageCache(tmp_path / "images")
    driver = make_driver(tmp_path, cache)
    assert cache_images(context, ["one", "gone", "empty"], driver, images) == {
        "one": "cached", "gone": "error", "empty": "error",
    }  # fmt: skip
    assert cache_images(context, ["one"], driver, images) == {"one": "existing"}
    assert images.asked == ["one", "gone", "empty"]
    assert [cache.has(one) for one in ("one", "gone", "empty")] == [True, False, False]
    assert ImageCache(tmp_path / "images").has("one")
    assert not ImageCache(tmp_path / "others").has("one")


@pytest.mark.parametrize("image_id", ["../../etc/passwd", "a/b"])
def test_a_name_is_no_path(tmp_path: Path, image_id: str) -> None:
    cache = ImageCache(tmp_path / "images")
    cache.keep(image_id)
    assert cache.has(image_id)
    assert [one.parent for one in tmp_path.rglob("*") if one.is_file()] == [tmp_path / "images"]


def test_a_hypervisor_that_fetches_by_itself_keeps_none(
    tmp_path: Path, context: RequestContext
) -> None:
    images: Any = Images()
    driver = make_driver(tmp_path, None)
    assert cache_images(context, ["one"], driver, images) == {"one": "unsupported"}
