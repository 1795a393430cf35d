"""/os-assisted-volume-snapshots: what a volume service cannot do to a volume that is in use."""

from __future__ import annotations

import json

from devstack_lite.db import instances
from devstack_lite.db import volume_attachments as attachments
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import VmState
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.policy import authorize
from services.api.schemas import assisted_volume_snapshots as schemas
from services.api.schemas import queries
from services.compute.rpcapi import ComputeAPI

RULE = "os_compute_api:os-assisted-volume-snapshots"
_KNOWN = ("volume_id", "type", "file_to_merge", "merge_target_file")


class AssistedVolumeSnapshotsController:
    """The host is asked and waited for; how it went is told to the volume service, as with Nova."""

    def __init__(self, db: Database, compute: ComputeAPI) -> None:
        self._db = db
        self._compute = compute

    @api(body=schemas.create)
    def create(self, req: Request, body: Json) -> Json:
        """Have the guest that has a volume go on in another file."""
        authorize(req.context, f"{RULE}:create")
        asked = body["snapshot"]
        volume_id, create_info = asked["volume_id"], asked["create_info"]
        instance = self._instance_of(volume_id, "do_volume_snapshot_create")
        self._compute.volume_snapshot_create(
            req.context, host=str(instance.host), instance=instance, volume_id=volume_id,
            create_info=create_info,
        )  # fmt: skip
        return {"snapshot": {"id": create_info.get("id"), "volumeId": volume_id}}

    @api(status=204, query=queries.ASSISTED_SNAPSHOT)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002 - the route's name
        """Have two of the files that a volume consists of be one again."""
        authorize(req.context, f"{RULE}:delete")
        delete_info = _read(req.GET.get("delete_info"))
        instance = self._instance_of(delete_info["volume_id"], "do_volume_snapshot_delete")
        is_below = delete_info.get("merge_target_file") is not None
        if is_below and instance.vm_state is not VmState.ACTIVE:
            raise _wrong_state(instance, "vm_state", "volume_snapshot_delete")
        self._compute.volume_snapshot_delete(
            req.context, host=str(instance.host), instance=instance, snapshot_id=id,
            delete_info=delete_info,
        )  # fmt: skip

    def _instance_of(self, volume_id: str | None, method: str) -> Instance:
        """Return the one instance that has a volume, on a host and left alone. Raises Invalid."""
        found = self._attached_to(volume_id)
        if found.host is None:
            raise Invalid(f"Instance {found.uuid} is not ready")
        for attribute, is_right in (
            ("task_state", found.task_state is None),
            ("launched_at", found.launched_at is not None),
        ):
            if not is_right:
                raise _wrong_state(found, attribute, method)
        return found

    def _attached_to(self, volume_id: str | None) -> Instance:
        held = attachments.list_attachments(self._db, equals=(("volume_id", str(volume_id)),))
        if len(held) > 1:
            raise Invalid(
                f"Block Device Mapping {volume_id} is a multi-attach volume and is not valid for"
                " this operation."
            )
        try:
            return instances.get_instance(self._db, held[0].instance_uuid)
        except (IndexError, NotFound):
            raise Invalid(f"No volume Block Device Mapping with id {volume_id}.") from None


def _read(text: str | None) -> Json:
    """Return what the query says is to be done. Raises Invalid for what has no volume."""
    if text is None:
        raise Invalid("'delete_info'")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(str(error)) from error
    if not isinstance(found, dict) or "volume_id" not in found:
        raise Invalid("'volume_id'")
    known = {key: found[key] for key in _KNOWN if key in found}
    for key, value in known.items():
        # It goes on into the database and into a message, which do not take each character.
        if value is not None and not (isinstance(value, str) and value.isprintable()):
            raise Invalid(f"{key} of delete_info is not a text that can be printed")
    return known


def _wrong_state(instance: Instance, attribute: str, method: str) -> Invalid:
    return Invalid(
        f"Instance {instance.uuid} in {attribute} {getattr(instance, attribute)}. Cannot {method}"
        " while the instance is in this state."
    )
