"""Volumes and their snapshots as the compute API showed them, made of what the volume API says."""

from __future__ import annotations

from devstack_lite.objects.registry import Json


def volume(one: Json) -> Json:
    """Return a volume; one that nothing has still shows an attachment, an empty one, as in Nova."""
    attached = [
        {
            "id": held["volume_id"],
            "volumeId": held["volume_id"],
            "serverId": held["server_id"],
            "device": held["device"],
        }
        for held in one["attachments"]
    ]
    return {
        **_both(one),
        "availabilityZone": one["availability_zone"],
        "volumeType": one["volume_type"],
        "snapshotId": one["snapshot_id"],
        "metadata": one["metadata"],
        "attachments": attached or [{}],
    }


def snapshot(one: Json) -> Json:
    """Return a snapshot."""
    return {**_both(one), "volumeId": one["volume_id"]}


def _both(one: Json) -> Json:
    return {
        "id": one["id"],
        "status": one["status"],
        "size": one["size"],
        "createdAt": one["created_at"],
        "displayName": one["name"],
        "displayDescription": one["description"],
    }
