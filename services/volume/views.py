"""Volumes, attachments and types as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devstack_lite.clock import to_micro
from devstack_lite.objects.volume import (
    Volume,
    VolumeAttachment,
    VolumeSnapshot,
    VolumeTransfer,
)
from devstack_lite.objects.volume_type import VolumeType
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.versions import ApiVersion
from services.volume import backend

_SINCE: tuple[tuple[ApiVersion, str, Any], ...] = (
    (ApiVersion(3, 13), "group_id", None),
    (ApiVersion(3, 21), "provider_id", None),
    (ApiVersion(3, 48), "service_uuid", None),
    (ApiVersion(3, 48), "shared_targets", False),
    (ApiVersion(3, 61), "cluster_name", None),
    (ApiVersion(3, 65), "consumes_quota", True),
)
"""What later microversions added to a volume, where it is the same for all volumes here."""

_WITH_TYPE_ID = ApiVersion(3, 63)
_ADMIN_ONLY = frozenset({"provider_id", "cluster_name"})


def links(req: Request, thing_id: str, kind: str = "volumes") -> list[dict[str, str]]:
    """Return the links of a volume, or of another kind of thing."""
    path = f"/{req.context.project_id}/{kind}/{thing_id}"
    url = req.application_url
    root = url.removesuffix("/v3")
    return [
        {"rel": "self", "href": f"{url}{path}"},
        {"rel": "bookmark", "href": f"{root}{path}"},
    ]


def summary(req: Request, volume: Volume) -> dict[str, Any]:
    """Return what a plain list holds of a volume."""
    return {"id": volume.id, "name": volume.name, "links": links(req, volume.id)}


def detail(
    req: Request,
    volume: Volume,
    attachments: Sequence[VolumeAttachment],
    type_ids: Mapping[str, str],
) -> dict[str, Any]:
    """Return a whole volume, in the request's microversion; type_ids: by the types' names."""
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
        "snapshot_id": volume.snapshot_id,
        "source_volid": volume.source_volid,
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
        name = backend.BACKEND
        shown["os-vol-host-attr:host"] = f"devstack@{name}#{name}"
        shown["os-vol-mig-status-attr:migstat"] = None
        shown["os-vol-mig-status-attr:name_id"] = None
    if req.api_version >= _WITH_TYPE_ID:
        shown["volume_type_id"] = type_ids.get(volume.volume_type)
    shown.update(
        (name, value)
        for since, name, value in _SINCE
        if req.api_version >= since and (req.context.is_admin or name not in _ADMIN_ONLY)
    )
    return shown


def plain(req: Request, volume: Volume, type_ids: Mapping[str, str]) -> dict[str, Any]:
    """Return a volume as who makes or changes it is answered: without what extensions add."""
    return {
        name: value
        for name, value in detail(req, volume, (), type_ids).items()
        if name != "volume_image_metadata" and not name.startswith("os-vol-")
    }


def snapshot_summary(req: Request, snapshot: VolumeSnapshot) -> dict[str, Any]:
    """Return what a plain list holds of a snapshot, in the request's microversion."""
    shown: dict[str, Any] = {
        "id": snapshot.id,
        "name": snapshot.name,
        "description": snapshot.description,
        "status": snapshot.status,
        "size": snapshot.size_gb,
        "volume_id": snapshot.volume_id,
        "metadata": dict(snapshot.metadata),
        "created_at": to_micro(snapshot.created_at),
        "updated_at": to_micro(snapshot.updated_at),
    }
    if req.api_version >= ApiVersion(3, 14):
        shown["group_snapshot_id"] = None
    if req.api_version >= ApiVersion(3, 41):
        shown["user_id"] = snapshot.user_id
    if req.api_version >= ApiVersion(3, 65):
        shown["consumes_quota"] = True
    return shown


def snapshot_detail(req: Request, snapshot: VolumeSnapshot) -> dict[str, Any]:
    """Return a whole snapshot."""
    return {
        **snapshot_summary(req, snapshot),
        "os-extended-snapshot-attributes:project_id": snapshot.project_id,
        "os-extended-snapshot-attributes:progress": (
            "100%" if snapshot.status == "available" else "0%"
        ),
    }


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


def transfer_summary(req: Request, one: VolumeTransfer) -> dict[str, Any]:
    """Return what a plain list holds of a transfer."""
    return {
        "id": one.id,
        "name": one.name,
        "volume_id": one.volume_id,
        "links": links(req, one.id, "volume-transfers"),
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
        "is_public": known.is_public,
        "os-volume-type-access:is_public": known.is_public,
        "extra_specs": dict(known.extra_specs) if req.context.is_admin else {},
    }
    if req.context.is_admin:
        shown["qos_specs_id"] = None
    return shown
