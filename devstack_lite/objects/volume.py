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
    snapshot_id: str | None = None
    source_volid: str | None = None
    bootable: bool = False
    multiattach: bool = False
    metadata: Json = field(default_factory=dict)
    image_metadata: Json = field(default_factory=dict)
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSnapshot:
    """A volume as it was; it keeps what a volume made of it has from the first one's image."""

    id: str
    volume_id: str
    project_id: str
    user_id: str
    size_gb: int = 0
    name: str | None = None
    description: str | None = None
    status: str = "creating"
    bootable: bool = False
    image_id: str | None = None
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
    snapshots: int = -1
    per_volume_gigabytes: int = -1


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
    boot_index: int | None = None
    """0 is the volume that the instance boots from."""
    delete_on_termination: bool = False
    attached_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDevice:
    """A volume that an instance gets when it is booted: one that is there, or one to be made."""

    volume_id: str | None = None
    size_gb: int = 0
    boot_index: int | None = None
    """0 is what the instance boots from."""
    delete_on_termination: bool = False
    volume_type: str = ""
    image_id: str | None = None
    snapshot_id: str | None = None
    bootable: bool = False
    image_metadata: Json = field(default_factory=dict)
    tag: str | None = None
    """By which the guest knows it."""


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeTransfer:
    """A volume offered to whoever knows the key, of which only the salted hash is kept."""

    id: str
    volume_id: str
    project_id: str = ""
    name: str | None = None
    salt: str = ""
    key_hash: str = ""
    no_snapshots: bool = False
    created_at: datetime.datetime | None = None
