"""What a project may have of volumes and snapshots, and what it has; the checks are Cinder's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import volumes as volume_rows
from devstack_lite.db.schema_volumes import volume_quotas, volume_snapshots
from devstack_lite.exceptions import QuotaExceeded
from devstack_lite.objects.volume import VolumeQuota

DEFAULTS = VolumeQuota(volumes=1000, gigabytes=100_000, snapshots=1000, per_volume_gigabytes=-1)
"""Of each project that has no quota of its own. Generous: nothing is stored."""
CHECKED = tuple(field.name for field in dataclasses.fields(VolumeQuota))
UNCHECKED = {"backups": 0, "backup_gigabytes": 0, "groups": 0}
"""Of what there is none here. Their limits are kept, for clients set them with the others."""
CLASS = "class:default"
"""Where the limits stand that hold for projects without their own, in a project's place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeUsage:
    """What a project has. Snapshots count among the gigabytes."""

    volumes: int = 0
    gigabytes: int = 0
    snapshots: int = 0
    volume_gigabytes: int = 0


def get_limits(db: Database, project_id: str, defaults: VolumeQuota = DEFAULTS) -> dict[str, int]:
    """Return what a project may have, by resource; -1 is no bound. One read."""
    with db.read() as connection:
        return _limits_of(connection, project_id, defaults)


def get_usage(db: Database, project_id: str) -> VolumeUsage:
    """Return what a project has. One read."""
    with db.read() as connection:
        return _usage_of(connection, project_id)


def _limits_of(connection: Connection, project_id: str, defaults: VolumeQuota) -> dict[str, int]:
    own = volume_quotas.c
    query = sa.select(own.project_id, own.resource, own.hard_limit)
    rows = connection.execute(query.where(own.project_id.in_([CLASS, project_id]))).all()
    limits = {name: int(getattr(defaults, name)) for name in CHECKED} | UNCHECKED
    for row in sorted(rows, key=lambda row: bool(row.project_id == project_id)):
        if row.resource in limits:
            limits[row.resource] = row.hard_limit
    return limits


def _usage_of(connection: Connection, project_id: str) -> VolumeUsage:
    sums = []
    for table in (volume_rows, volume_snapshots):
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(table.c.size_gb), 0)).where(
            table.c.project_id == project_id
        )
        count, size_gb = connection.execute(query).one()
        sums.append((int(count), int(size_gb)))
    (volumes, volume_gb), (snapshots, snapshot_gb) = sums
    return VolumeUsage(
        volumes=volumes,
        gigabytes=volume_gb + snapshot_gb,
        snapshots=snapshots,
        volume_gigabytes=volume_gb,
    )


def check(
    connection: Connection,
    project_id: str,
    defaults: VolumeQuota,
    *,
    volumes: int = 0,
    gigabytes: int = 0,
    snapshots: int = 0,
    volume_gb: int = 0,
) -> None:
    """Raise QuotaExceeded when the project may not have so much more.

    volume_gb: the size that a volume will have.
    """
    limits = _limits_of(connection, project_id, defaults)
    quota = VolumeQuota(**{name: limits[name] for name in CHECKED})
    used = _usage_of(connection, project_id)
    if 0 <= quota.per_volume_gigabytes < volume_gb:
        raise QuotaExceeded(
            f"VolumeSizeExceedsLimit: Requested volume size {volume_gb}G is larger than maximum"
            f" allowed limit {quota.per_volume_gigabytes}G."
        )
    if volumes and 0 <= quota.volumes < used.volumes + volumes:
        raise QuotaExceeded(
            f"VolumeLimitExceeded: Maximum number of volumes allowed ({quota.volumes}) exceeded"
            " for quota 'volumes'."
        )
    if snapshots and 0 <= quota.snapshots < used.snapshots + snapshots:
        raise QuotaExceeded(
            f"SnapshotLimitExceeded: Maximum number of snapshots allowed ({quota.snapshots})"
            " exceeded"
        )
    if gigabytes and 0 <= quota.gigabytes < used.gigabytes + gigabytes:
        raise QuotaExceeded(
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed"
            f" gigabytes quota. Requested {gigabytes}G, quota is {quota.gigabytes}G and"
            f" {used.gigabytes}G has been consumed."
        )


def set_quota(db: Database, *, project_id: str, limits: Mapping[str, int]) -> None:
    """Set a project's limits by resource; -1 is no bound. One transaction."""
    own = volume_quotas
    with db.write() as connection:
        connection.execute(
            own.delete().where(own.c.project_id == project_id, own.c.resource.in_(limits))
        )
        if limits:
            connection.execute(
                own.insert(),
                [
                    {"project_id": project_id, "resource": name, "hard_limit": limit}
                    for name, limit in limits.items()
                ],
            )


def delete_quota(db: Database, *, project_id: str) -> None:
    """Give a project the default quota again; that it has it is no error. One transaction."""
    with db.write() as connection:
        connection.execute(volume_quotas.delete().where(volume_quotas.c.project_id == project_id))
