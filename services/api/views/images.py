"""Images of the image service as the compute API showed them up to 2.35."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.views.links import thing_links

_ATTRIBUTES = frozenset(
    {
        "id", "name", "status", "visibility", "owner", "disk_format", "container_format",
        "min_disk", "min_ram", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value",
        "protected", "os_hidden", "tags", "created_at", "updated_at", "self", "file", "schema",
        "direct_url", "locations", "stores",
    }
)  # fmt: skip
"""What the image service says of every image; all else is a property of the one."""

_STATUSES = {
    "active": ("ACTIVE", 100),
    "queued": ("SAVING", 25),
    "saving": ("SAVING", 50),
    "uploading": ("SAVING", 50),
    "importing": ("SAVING", 50),
    "deleted": ("DELETED", 0),
    "pending_delete": ("DELETED", 0),
    "killed": ("ERROR", 0),
}
"""By Glance's status: the compute API's, and the progress in percent."""


def properties_of(image: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands beside an image's attributes."""
    return {key: str(value) for key, value in image.items() if key not in _ATTRIBUTES}


def brief(req: Request, image: Mapping[str, Any], image_url: str) -> Json:
    """Return an image in a short list; image_url is the image service's."""
    alternate = {
        "rel": "alternate",
        "type": "application/vnd.openstack.image",
        "href": f"{image_url}/images/{image['id']}",
    }
    return {
        "id": image["id"],
        "name": image["name"],
        "links": [*thing_links(req, "images", str(image["id"])), alternate],
    }


def full(req: Request, image: Mapping[str, Any], image_url: str) -> Json:
    """Return an image with everything that the compute API says of it."""
    status, progress = _STATUSES.get(str(image["status"]), ("UNKNOWN", 0))
    properties = properties_of(image)
    shown = {
        **brief(req, image, image_url),
        "status": status,
        "progress": progress,
        "created": image["created_at"],
        "updated": image["updated_at"],
        "minRam": int(image["min_ram"] or 0),
        "minDisk": int(image["min_disk"] or 0),
        "metadata": properties,
        "OS-EXT-IMG-SIZE:size": image["size"],
    }
    if properties.get("instance_uuid"):
        server_id = properties["instance_uuid"]
        shown["server"] = {"id": server_id, "links": thing_links(req, "servers", server_id)}
    if "auto_disk_config" in properties:
        is_auto = properties["auto_disk_config"].lower() in {"1", "t", "true", "on", "y", "yes"}
        shown["OS-DCF:diskConfig"] = "AUTO" if is_auto else "MANUAL"
    return shown
