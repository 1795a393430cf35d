"""Volumes, attachments and types as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devstack_lite.clock import to_micro
from devstack_lite.objects.volume import Volume, VolumeAttachment
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.versions import ApiVersion
from services.volume import backend
from services.volume.backend import VolumeType

_SINCE: tuple[tuple[ApiVersion, str, Any], ...] = (
    (ApiVersion(3, 13), "group_id", None),
    (ApiVersion(3, 21), "provider_id", None),
    (ApiVersion(3, 48), "service_uuid", None),
    (ApiVersion(3, 48), "shared_targets", False),
    (ApiVersion(3, 61), "cluster_name", None),
    (ApiVersion(3, 63), "volume_type_id", backend.DEFAULT_TYPE.id),
    (ApiVersion(3, 65), "consumes_quota", True),
)
"""What later microversions added to a volume, where it is the same for all volumes here."""

_ADMIN_ONLY = frozenset({"provider_id", "cluster_name"})


def links(req: Request, volume_id: str) -> list[dict[str, str]]:
    """Return a volume's links."""
    path = f"/{req.context.project_id}/volumes/{volume_id}"
    url = req.application_url
    root = url.removesuffix("/v3")
    return [
        {"rel": "self", "href": f"{url}{path}"},
        {"rel": "bookmark", "href": f"{root}{path}"},
    ]


def summary(req: Request, volume: Volume) -> dict[str, Any]:
    """Return what a plain list holds of a volume."""
    return {"id": volume.id, "name": volume.name, "links": links(req, volume.id)}


def detail(req: Request, volume: Volume, attachments: Sequence[VolumeAttachment]) -> dict[str, Any]:
    """Return a whole volume, in the request's microversion."""
    shown: dict[str, Any] = {
        **summary(req, volume),
        "description": volume.description,
        "status": volume.status,
        "size": volume.size_gb,
        "volume_type": volume.volume_type,
        "availability_zone": volume.availability_zone,
        "bootable": "true" if volume.bootable else "false",
        "encrypted": False,
        "multiattach": volume.multiattach,
        "metadata": dict(volume.metadata),
        "attachments": [_attached(one) for one in attachments if one.status == "attached"],
        "snapshot_id": None,
        "source_volid": None,
        "consistencygroup_id": None,
        "replication_status": None,
        "migration_status": None,
        "user_id": volume.user_id,
        "os-vol-tenant-attr:tenant_id": volume.project_id,
        "created_at": to_micro(volume.created_at),
        "updated_at": to_micro(volume.updated_at),
    }
    if volume.image_metadata:
        shown["volume_image_metadata"] = dict(volume.image_metadata)
    if req.context.is_admin:
        name = backend.DEFAULT_TYPE.name
        shown["os-vol-host-attr:host"] = f"devstack@{name}#{name}"
        shown["os-vol-mig-status-attr:migstat"] = None
        shown["os-vol-mig-status-attr:name_id"] = None
    shown.update(
        (name, value)
        for since, name, value in _SINCE
        if req.api_version >= since and (req.context.is_admin or name not in _ADMIN_ONLY)
    )
    return shown


def _attached(one: VolumeAttachment) -> dict[str, Any]:
    return {
        "id": one.volume_id,
        "attachment_id": one.id,
        "volume_id": one.volume_id,
        "server_id": one.instance_uuid or None,
        "host_name": one.attached_host,
        "device": one.mountpoint,
        "attached_at": to_micro(one.attached_at),
    }


def attachment_summary(one: VolumeAttachment) -> dict[str, Any]:
    """Return what a plain list holds of an attachment."""
    return {
        "id": one.id,
        "status": one.status,
        "instance": one.instance_uuid or None,
        "volume_id": one.volume_id,
    }


def attachment(one: VolumeAttachment) -> dict[str, Any]:
    """Return a whole attachment; how to reach the volume stands flat in connection_info."""
    info: dict[str, Any] = {}
    if one.status != "reserved":
        info = {
            **backend.connection_data(one.volume_id, mode=one.attach_mode),
            "driver_volume_type": backend.DRIVER_VOLUME_TYPE,
            "attachment_id": one.id,
        }
        if one.mountpoint:
            info["mountpoint"] = one.mountpoint
    return {
        **attachment_summary(one),
        "attached_at": to_micro(one.attached_at) or "",
        "detached_at": "",
        "attach_mode": one.attach_mode,
        "connection_info": info,
    }


def volume_type(req: Request, known: VolumeType) -> dict[str, Any]:
    """Return a volume type."""
    shown: dict[str, Any] = {
        "id": known.id,
        "name": known.name,
        "description": known.description,
        "is_public": True,
        "os-volume-type-access:is_public": True,
        "extra_specs": dict(known.extra_specs) if req.context.is_admin else {},
    }
    if req.context.is_admin:
        shown["qos_specs_id"] = None
    return shown
