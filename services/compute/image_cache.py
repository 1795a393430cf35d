"""The images that a host has been told to keep, so that its builds need not fetch them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from devstack_lite.clients.image import ImageClient
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import DevstackError, Invalid
from services.compute.driver import LibvirtDriver

LOG = logging.getLogger(__name__)

CACHED = "cached"
EXISTING = "existing"
ERROR = "error"
UNSUPPORTED = "unsupported"


class ImageCache:
    """A folder with a file for each image: of a simulated disk, there is nothing more to keep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, image_id: str) -> bool:
        """Say whether an image is kept."""
        return self._path(image_id).exists()

    def keep(self, image_id: str) -> None:
        """Keep it; kept already is done."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path(image_id).touch(mode=0o600)

    def _path(self, image_id: str) -> Path:
        return self._folder / quote(image_id, safe="")


def cache_images(
    context: RequestContext, image_ids: Sequence[str], driver: LibvirtDriver, image: ImageClient
) -> dict[str, str]:
    """Have a host keep images; return what became of each, in Nova's words.

    One that cannot be had is an error of its own. Done twice, those that are kept stay.
    """
    answers = {}
    for image_id in image_ids:
        try:
            answers[image_id] = _cache(context, image_id, driver, image)
        except DevstackError as error:
            LOG.warning("image %s is not kept: %s", image_id, error)
            answers[image_id] = ERROR
    LOG.info("images asked for: %s", answers)
    return answers


def _cache(
    context: RequestContext, image_id: str, driver: LibvirtDriver, image: ImageClient
) -> str:
    cache = driver.image_cache
    if cache is None:
        return UNSUPPORTED
    if cache.has(image_id):
        return EXISTING
    found, _ = image.get_image(context, image_id)
    if found.get("status") != "active":
        raise Invalid(f"Image {image_id} is not active.")
    driver.play_stage("image.fetch", {"image": image_id})
    cache.keep(image_id)
    return CACHED
