"""What a boot request says of disks, checked: which volumes, and what the instance boots from.

The rules and the words are Nova's. All checks read the database; what they find may have changed
when the volumes are recorded, which checks again what can.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from devstack_lite.context import RequestContext
from devstack_lite.db import volume_snapshots, volume_types, volumes
from devstack_lite.db.boot_checks import find_image
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import DevstackError, Invalid, NotFound
from devstack_lite.objects.compute import Flavor
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import BlockDevice
from devstack_lite.wsgi.schema_checks import Checker
from services.api.policy import visible_project
from services.api.schemas import block_devices as schemas
from services.api.schemas.parameters import is_true, whole

_INVALID = "Block Device Mapping is Invalid:"
_SEQUENCE = (
    f"{_INVALID} Boot sequence for the instance and image/block device mapping combination is not"
    " valid."
)
_GIB = 2**30
_IMAGE_MAPPINGS = Checker(schemas.IMAGE_MAPPINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disks:
    """What a boot's disks are: an image on the local disk, or a volume with boot_index 0."""

    image_id: str = ""
    image_properties: Json = field(default_factory=dict)
    volumes: tuple[BlockDevice, ...] = ()


class DiskChecker:
    """Reads what a boot request refers to, with the eyes of the one who asks."""

    def __init__(self, db: Database, context: RequestContext, flavor: Flavor) -> None:
        self._db = db
        self._context = context
        self._flavor = flavor
        self._images: dict[str, Json] = {}

    def check(self, server: Json, count: int) -> Disks:
        """Return the disks that count servers of this body have. Raises Invalid."""
        image_ref = str(server.get("imageRef") or "").rstrip("/").rsplit("/", 1)[-1]
        asked = _mappings(server)
        local = [one for one in asked if _is_local_image(one)]
        others = [one for one in asked if not _is_local_image(one)]
        if local:
            image_ref = self._local_image(local, image_ref)
        if image_ref and not any(_is_root(one) for one in others):
            mapped = _image_mappings(self._image(image_ref))
            if any(_is_root(one) for one in mapped):
                others = [*mapped, *others]
        devices = [device for one in others if (device := self._device(one)) is not None]
        if not local and any(device.boot_index == 0 for device in devices):
            image_ref = ""  # What is mapped to be booted from comes before imageRef.
        _check_sequence(devices, has_image=bool(image_ref))
        if count > 1 and any(device.volume_id for device in devices):
            raise Invalid("Cannot attach one or more volumes to multiple instances")
        if image_ref:
            image = self._image(image_ref)
            if self._flavor.root_gb and self._flavor.root_gb < image["min_disk"]:
                raise Invalid("Flavor's disk is too small for requested image.")
            return Disks(
                image_id=image["id"],
                image_properties=image.get("properties") or {},
                volumes=tuple(devices),
            )
        root = next(device for device in devices if device.boot_index == 0)
        is_blank = not (root.volume_id or root.snapshot_id or root.image_id)
        if not (root.bootable or is_blank):
            raise Invalid(f"Block Device {root.volume_id} is not bootable.")
        kept = [*devices]
        kept.remove(root)
        return Disks(image_properties=root.image_metadata, volumes=(root, *kept))

    def _local_image(self, local: Sequence[Json], image_ref: str) -> str:
        if len(local) > 1 or str(local[0].get("boot_index")) != "0":
            raise Invalid(f"{_INVALID} Mapping image to local is not supported.")
        if image_ref and local[0].get("uuid") != image_ref:
            raise Invalid(_SEQUENCE)
        return str(local[0].get("uuid") or "")

    def _image(self, image_id: str) -> Json:
        image = self._images.get(image_id)
        if image is not None:
            return image
        image = find_image(self._db, self._context, image_id)
        if image["status"] != "active":
            raise Invalid(f"Image {image['id']} is not active.")
        if self._flavor.memory_mb < image["min_ram"]:
            raise Invalid("Flavor's memory is too small for requested image.")
        self._images[image_id] = image
        return image

    def _device(self, asked: Json) -> BlockDevice | None:
        """Return the volume that a mapping means; None for a disk of the flavor's own."""
        source = asked.get("source_type", "blank")
        default = "volume" if source in {"volume", "snapshot"} else "local"
        if (asked.get("destination_type") or default) == "local":
            self._check_local(source, asked)
            return None
        makers: dict[str, Callable[[Json], BlockDevice]] = {
            "volume": self._of_volume,
            "snapshot": self._of_snapshot,
            "image": self._of_image,
            "blank": self._of_nothing,
        }
        device = makers[source](asked)
        index = asked.get("boot_index")
        return dataclasses.replace(
            device,
            boot_index=None if index is None or whole(index) < 0 else whole(index),
            delete_on_termination=is_true(asked.get("delete_on_termination")),
            volume_type=self._type(asked.get("volume_type")),
            tag=asked.get("tag"),
        )

    def _check_local(self, source: str, asked: Json) -> None:
        if source != "blank":
            raise Invalid(f"{_INVALID} {source} cannot be put on the local disk.")
        size_gb = _size(asked)
        if asked.get("guest_format") == "swap":
            if size_gb * 1024 > self._flavor.swap_mb:
                raise Invalid("Swap drive requested is larger than instance type allows.")
        elif size_gb > self._flavor.ephemeral_gb:
            raise Invalid(
                "Ephemeral disks requested are larger than the instance type allows. If no size is"
                " given in one block device mapping, flavor ephemeral size will be used."
            )

    def _of_volume(self, asked: Json) -> BlockDevice:
        volume_id = _uuid(asked)
        with _missing("volume", volume_id):
            volume = volumes.get_volume(
                self._db, volume_id, project_id=visible_project(self._context)
            )
        if volume.status != "available" and not (volume.multiattach and volume.status == "in-use"):
            raise Invalid(
                f"Invalid volume: volume '{volume_id}' status must be 'available'. Currently in"
                f" '{volume.status}'"
            )
        return BlockDevice(
            volume_id=volume.id,
            size_gb=volume.size_gb,
            bootable=volume.bootable,
            image_metadata=volume.image_metadata,
        )

    def _of_snapshot(self, asked: Json) -> BlockDevice:
        snapshot_id = _uuid(asked)
        with _missing("snapshot", snapshot_id):
            snapshot = volume_snapshots.get_snapshot(
                self._db, snapshot_id, project_id=visible_project(self._context)
            )
        if snapshot.status != "available":
            raise Invalid(f"{_INVALID} failed to get snapshot {snapshot_id}.")
        size_gb = _size(asked) or snapshot.size_gb
        if size_gb < snapshot.size_gb:
            raise Invalid(
                f"{_INVALID} the volume of {size_gb} GB is smaller than the snapshot"
                f" {snapshot_id} of {snapshot.size_gb} GB."
            )
        return BlockDevice(
            size_gb=size_gb,
            snapshot_id=snapshot.id,
            image_id=snapshot.image_id,
            bootable=snapshot.bootable,
            image_metadata=snapshot.image_metadata,
        )

    def _of_image(self, asked: Json) -> BlockDevice:
        image_id, size_gb = _uuid(asked), _size(asked)
        if size_gb == 0:
            raise Invalid(
                "Images with destination_type 'volume' need to have a non-zero size specified"
            )
        with _missing("image", image_id):
            image = self._image(image_id)
        if size_gb < image["min_disk"] or size_gb * _GIB < (image.get("size") or 0):
            raise Invalid(
                "Volume is smaller than the minimum size specified in image metadata. Volume size"
                f" is {size_gb * _GIB} bytes, minimum size is"
                f" {max(image['min_disk'] * _GIB, image.get('size') or 0)} bytes."
            )
        return BlockDevice(
            size_gb=size_gb, image_id=image_id, bootable=True, image_metadata=_kept_of(image)
        )

    def _of_nothing(self, asked: Json) -> BlockDevice:
        size_gb = _size(asked)
        if size_gb == 0:
            raise Invalid(
                "Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size"
            )
        return BlockDevice(size_gb=size_gb)

    def _type(self, wanted: str | None) -> str:
        if not wanted:
            return ""
        project_id = visible_project(self._context)
        try:
            return volume_types.find_type(self._db, wanted, project_id=project_id).name
        except NotFound as error:
            raise Invalid(error.message) from error


class _missing:  # noqa: N801 - reads as the statement it makes
    """Turn what a lookup raises into Nova's refusal of the mapping."""

    def __init__(self, kind: str, uuid: str) -> None:
        self._message = f"{_INVALID} failed to get {kind} {uuid}."

    def __enter__(self) -> None:
        return None

    def __exit__(self, _cls: object, error: BaseException | None, _traceback: object) -> None:
        is_missing = isinstance(error, NotFound) or (
            isinstance(error, Invalid) and error.message == "Can not find requested image"
        )
        if is_missing and isinstance(error, DevstackError):
            raise Invalid(self._message) from error


def _mappings(server: Json) -> list[Json]:
    """Return the mappings of a body, those of the older form turned into the newer."""
    new, old = server.get("block_device_mapping_v2"), server.get("block_device_mapping")
    if new and old:
        raise Invalid(
            "Using different block_device_mapping syntaxes is not allowed in the same request."
        )
    if not old:
        return [one for one in new or () if not one.get("no_device")]
    made = []
    for number, one in enumerate(one for one in old if not one.get("no_device")):
        source = "snapshot" if one.get("snapshot_id") else "volume"
        made.append({
            **one, "source_type": source, "uuid": one.get(f"{source}_id"),
            "destination_type": "volume",
            "boot_index": 0 if number == 0 and not server.get("imageRef") else None,
        })  # fmt: skip
    return made


def _is_root(one: Json) -> bool:
    return str(one.get("boot_index")) == "0"


_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, Invalid)


def _image_mappings(image: Json) -> list[Json]:
    """Return the mappings that an image of a server that boots from a volume brings along."""
    text = (image.get("properties") or {}).get("block_device_mapping")
    if text is None:
        return []
    try:
        found = [
            {key: value for key, value in one.items() if value is not None}
            | {"uuid": one["snapshot_id"]}
            for one in json.loads(text)
            if one.get("source_type") == "snapshot" and one.get("destination_type") == "volume"
        ]
        _IMAGE_MAPPINGS.check(found)
        if rb"\u0000" in json.dumps(found, ensure_ascii=False).encode():
            raise ValueError("a text that not every database takes")
    except _UNREADABLE as error:
        raise Invalid(f"{_INVALID} image {image['id']} has a mapping that is none.") from error
    return found


def _is_local_image(one: Json) -> bool:
    is_local = one.get("destination_type", "local") in {"local", None}
    return one.get("source_type") == "image" and is_local


def _check_sequence(devices: Sequence[BlockDevice], *, has_image: bool) -> None:
    """Raise Invalid unless there is one thing to boot from, and the order has no gap."""
    order = sorted(one.boot_index for one in devices if one.boot_index is not None)
    first = 1 if has_image else 0
    if not order and not has_image:
        raise Invalid("Invalid image: imageRef is needed to boot from an image.")
    if order != list(range(first, first + len(order))):
        raise Invalid(_SEQUENCE)


def _uuid(asked: Json) -> str:
    uuid = asked.get("uuid")
    if not uuid:
        raise Invalid(f"{_INVALID} a {asked['source_type']} needs its uuid.")
    return str(uuid)


def _size(asked: Json) -> int:
    return int(asked.get("volume_size") or 0)


def _kept_of(image: Json) -> Json:
    """Return what a volume keeps of its image, all as text."""
    kept = {name: str(value) for name, value in (image.get("properties") or {}).items()}
    for name in ("checksum", "container_format", "disk_format", "min_disk", "min_ram", "size"):
        if image.get(name) is not None:
            kept[name] = str(image[name])
    return {**kept, "image_id": image["id"], "image_name": str(image.get("name") or "")}
