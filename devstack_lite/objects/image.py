"""Images."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from devstack_lite.objects.registry import Json, message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image's record. min_disk in GiB, min_ram in MiB, size in bytes; the data is elsewhere.

    created_at is set where the id is made, so that a record delivered twice can be recognised.
    """

    id: str
    name: str | None = None
    status: str = "queued"
    visibility: str = "shared"
    owner: str | None = None
    disk_format: str | None = None
    container_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    protected: bool = False
    os_hidden: bool = False
    properties: Json = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageData:
    """What is known of an image's data once all of it was stored. size in bytes."""

    size: int
    checksum: str
    os_hash_algo: str
    os_hash_value: str


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageChange:
    """What a PATCH changes: columns by name, properties set, properties removed."""

    values: Json = field(default_factory=dict)
    properties: Json = field(default_factory=dict)
    removed: tuple[str, ...] = ()


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMember:
    """A project that a shared image is shared with; status pending, accepted or rejected."""

    image_id: str
    member_id: str
    status: str = "pending"
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
