"""Snapshots of the volumes of a server that is made an image of, and how the image names them."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator

from devstack_lite.clients.volume import VolumeClient
from devstack_lite.context import RequestContext
from devstack_lite.db import volume_attachments
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import DevstackError
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.objects.volume import VolumeAttachment

LOG = logging.getLogger(__name__)

MAPPING = ("bdm_v2", "block_device_mapping", "root_device_name")
"""The properties by which an image stands for snapshots of volumes."""


class VolumeSnapshots:
    """Asks the volume service with the caller's token; db is read-only."""

    def __init__(self, db: Database, volume: VolumeClient) -> None:
        self._db = db
        self._volume = volume

    @contextlib.contextmanager
    def snapshots(self, context: RequestContext, seen: Instance, name: str) -> Iterator[Json]:
        """Make a snapshot of each of a server's volumes; yield the image's properties.

        What fails inside takes them away again. Raises NotFound, Invalid, QuotaExceeded.
        """
        made: list[Json] = []
        try:
            for one in volume_attachments.list_attachments(
                self._db, equals=(("instance_uuid", seen.uuid),)
            ):
                asked = {
                    "volume_id": one.volume_id, "name": f"snapshot for {name}", "force": True,
                }  # fmt: skip
                made.append(_device(one, self._volume.create(context, "snapshot", asked)))
            yield {
                "block_device_mapping": json.dumps(made), "bdm_v2": "True",
                "root_device_name": "/dev/vda",
            }  # fmt: skip
        except DevstackError as error:
            for device in made if error.definite else ():
                self._drop(context, device["snapshot_id"])
            raise

    def _drop(self, context: RequestContext, snapshot_id: str) -> None:
        try:
            self._volume.delete(context, "snapshot", snapshot_id)
        except DevstackError as error:
            LOG.warning("snapshot %s could not be removed: %s", snapshot_id, error)


def _device(one: VolumeAttachment, snapshot: Json) -> Json:
    return {
        "source_type": "snapshot",
        "destination_type": "volume",
        "snapshot_id": snapshot["id"],
        "volume_size": snapshot["size"],
        "boot_index": one.boot_index,
        "delete_on_termination": one.delete_on_termination,
        "device_name": one.mountpoint,
    }
