"""Images and members as the API shows them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from devstack_lite.clock import to_zulu
from devstack_lite.objects.image import Image, ImageMember

_PLAIN = (
    "id", "name", "status", "visibility", "owner", "disk_format", "container_format", "min_disk",
    "min_ram", "size", "checksum", "os_hash_algo", "os_hash_value", "protected", "os_hidden",
)  # fmt: skip


def show(image: Image) -> dict[str, Any]:
    """Return one image; its properties stand beside its attributes."""
    path = f"/v2/images/{image.id}"
    shown: dict[str, Any] = dict(image.properties)
    shown.update({name: getattr(image, name) for name in _PLAIN})
    shown.update(
        virtual_size=None,
        tags=list(image.tags),
        created_at=to_zulu(image.created_at),
        updated_at=to_zulu(image.updated_at),
        self=path,
        file=f"{path}/file",
        schema="/v2/schemas/image",
    )
    return shown


def page(images: list[Image], *, limit: int, query: list[tuple[str, str]]) -> dict[str, Any]:
    """Return one page, with the way to the next if it is full; query is what was asked."""
    rest = [(name, value) for name, value in query if name != "marker"]
    shown: dict[str, Any] = {
        "images": [show(image) for image in images],
        "first": _link(rest),
        "schema": "/v2/schemas/images",
    }
    if images and len(images) >= limit:
        shown["next"] = _link([*rest, ("marker", images[-1].id)])
    return shown


def _link(query: list[tuple[str, str]]) -> str:
    return f"/v2/images?{urlencode(query)}" if query else "/v2/images"


def member(shared: ImageMember) -> dict[str, Any]:
    """Return one member."""
    return {
        "image_id": shared.image_id,
        "member_id": shared.member_id,
        "status": shared.status,
        "created_at": to_zulu(shared.created_at),
        "updated_at": to_zulu(shared.updated_at),
        "schema": "/v2/schemas/member",
    }
