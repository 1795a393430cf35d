"""Volumes and their attachments."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from devstack_lite.objects.registry import Json, message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume's record. created_at is set where the id is made."""

    id: str
    project_id: str
    user_id: str
    size_gb: int
    name: str | None = None
    description: str | None = None
    status: str = "creating"
    volume_type: str = ""
    availability_zone: str = "nova"
    image_id: str | None = None
    bootable: bool = False
    multiattach: bool = False
    metadata: Json = field(default_factory=dict)
    image_metadata: Json = field(default_factory=dict)
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeQuota:
    """What a project may have; -1 is no bound."""

    volumes: int = -1
    gigabytes: int = -1


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeAttachment:
    """A volume at an instance; there is at most one of each pair.

    instance_uuid is empty when the volume is attached to a host itself. status is reserved,
    attaching or attached.
    """

    id: str
    volume_id: str
    instance_uuid: str = ""
    status: str = "reserved"
    mountpoint: str | None = None
    connector: Json = field(default_factory=dict)
    attached_host: str | None = None
    attach_mode: str = "rw"
    attached_at: datetime.datetime | None = None
