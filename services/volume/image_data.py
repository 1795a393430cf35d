"""What a volume has of the image that it is made of, or written anew from."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.clients.image import ImageClient
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Invalid, NotFound

_GIB = 2**30

_IMAGE_RECORD = (
    "checksum", "container_format", "disk_format", "min_disk", "min_ram", "size",
)  # fmt: skip
_IMAGE_OTHER = frozenset(
    {
        "id", "name", "status", "visibility", "owner", "os_hash_algo", "os_hash_value", "protected",
        "os_hidden", "virtual_size", "tags", "created_at", "updated_at", "self", "file", "schema",
        *_IMAGE_RECORD,
    }
)  # fmt: skip


def find_image(
    image: ImageClient, context: RequestContext, image_id: str, *, size_gb: int
) -> dict[str, Any]:
    """Return an image that a volume of that size can have. Raises Invalid."""
    try:
        found, _ = image.get_image(context, str(uuid.UUID(image_id)))
    except (NotFound, ValueError) as error:
        raise Invalid("Invalid image identifier or unable to access requested image.") from error
    if found["status"] != "active":
        raise Invalid(f"Invalid image {image_id}: Image {image_id} is not active.")
    needed_gb = -(-(found.get("size") or 0) // _GIB)
    if size_gb < needed_gb:
        raise Invalid(
            f"Invalid input received: Size of specified image {needed_gb}GB is larger than"
            f" volume size {size_gb}GB."
        )
    if size_gb < found.get("min_disk", 0):
        raise Invalid(
            f"Invalid input received: Volume size {size_gb}GB cannot be smaller than"
            f" the image minDisk size {found['min_disk']}GB."
        )
    return found


def image_metadata(image: dict[str, Any]) -> dict[str, str]:
    """Return what a volume keeps of its image: record and properties, all as text."""
    kept = {name: str(value) for name, value in image.items() if name not in _IMAGE_OTHER}
    kept.update({name: str(image[name]) for name in _IMAGE_RECORD if image.get(name) is not None})
    return {**kept, "image_id": image["id"], "image_name": str(image.get("name") or "")}
