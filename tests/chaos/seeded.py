"""A database with something of everything, its ids known by name; and what it looks like."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db import (
    actions,
    aggregates,
    builds,
    claims,
    flavors,
    hosts,
    identity,
    images,
    keypairs,
    networks,
    ports,
    schema,
    server_groups,
    volume_attachments,
    volumes,
)
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.objects.compute import (
    Aggregate,
    BuildOrder,
    BuildResult,
    Claim,
    Keypair,
    ServerGroup,
)
from devstack_lite.objects.identity import Assignment, Domain, Project, Role, User
from devstack_lite.objects.image import Image
from devstack_lite.objects.network import Network, Port, Subnet
from devstack_lite.objects.volume import Volume, VolumeAttachment, VolumeQuota
from devstack_lite.states import PowerState, TaskState, VmState
from devstack_lite.steps import StepLog
from tests.unit.conftest import TINY, make_boot, make_node

UNLIMITED = Limits(instances=-1, cores=-1, ram=-1)
THEN = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)
OWNER = "host1/1/10-a"
"""The worker that has in hand what is under way on host1."""

SCHEDULING, CLAIMED, BUILDING, ACTIVE, STOPPING, DELETING, UNPLACED = (
    "scheduling", "claimed", "building", "active", "stopping", "deleting", "unplaced",
)  # fmt: skip
"""Uuids of instances, each in the state of its name; unplaced is in ERROR and on no host."""


def context(request_id: str = "req-1") -> RequestContext:
    return RequestContext(
        user_id="user", project_id="project", roles=["member"], request_id=request_id
    )


def claim(uuid: str) -> Claim:
    return Claim(
        instance_uuid=uuid, host="host1", node="host1", vcpus=1, memory_mb=512, disk_gb=1,
        attempt=1,
    )  # fmt: skip


def order(uuid: str) -> BuildOrder:
    return BuildOrder(instance_uuid=uuid, node="host1", attempt=1)


def result(uuid: str, **more: Any) -> BuildResult:
    return BuildResult(instance_uuid=uuid, attempt=1, node="host1", power_state=1, **more)


def volume(name: str) -> Volume:
    return Volume(id=name, project_id="project", user_id="user", size_gb=1, created_at=THEN)


def attachment(volume_id: str, uuid: str = ACTIVE) -> VolumeAttachment:
    return VolumeAttachment(id=f"{volume_id}-attachment", volume_id=volume_id, instance_uuid=uuid)


def port(name: str, **more: Any) -> Port:
    return Port(id=name, network_id="network", project_id="project", **more)


def image(name: str) -> Image:
    return Image(id=name, name=name, owner="project", created_at=THEN)


def seed(db: Database) -> None:
    """Fill a new database."""
    schema.metadata.create_all(db.engine)
    with db.write() as connection:
        connection.execute(schema.counters.insert().values(name=claims.NODE_VERSION, value=0))
    _seed_identity(db)
    _seed_resources(db)
    hosts.report_nodes(db, [make_node("host1"), make_node("host2")])
    hosts.report_service(
        db, binary="nova-compute", host="host1", topic="compute", availability_zone="nova"
    )
    _seed_groups(db)
    _seed_instances(db)


def _seed_groups(db: Database) -> None:
    for name in ("aggregate", "spare-aggregate"):
        aggregates.create_aggregate(db, aggregate=Aggregate(uuid=name, name=name))
    aggregates.add_host(db, aggregate_id=1, host="host1")
    server_groups.create_group(db, group=group("group"), limit=-1)


def group(name: str) -> ServerGroup:
    return ServerGroup(
        id=name, name=name, project_id="project", user_id="user", policy="anti-affinity"
    )


def _seed_identity(db: Database) -> None:
    with db.write() as connection:
        connection.execute(schema.domains.insert().values(id="default", name="Default"))
    assert identity.get(db, Domain, "default")
    for thing in (
        Project(id="project", name="project", domain_id="default"),
        Project(id="spare-project", name="spare", domain_id="default"),
        User(id="user", name="user", domain_id="default"),
        User(id="spare-user", name="spare", domain_id="default"),
        Role(id="role", name="observer"),
        Role(id="spare-role", name="spare"),
    ):
        identity.create(db, thing)  # type: ignore[type-var]
    identity.grant_role(db, assignment("role"))
    flavors.create_flavor(db, flavor=TINY)
    keypairs.create_keypair(db, keypair=keypair("key"), limit=-1)


def assignment(role_id: str) -> Assignment:
    return Assignment(user_id="user", target_id="project", target_type="project", role_id=role_id)


def keypair(name: str) -> Keypair:
    return Keypair(user_id="user", name=name, public_key="ssh-ed25519 AAAA", fingerprint="aa")


def _seed_resources(db: Database) -> None:
    for name in ("image", "spare-image"):
        images.create_image(db, image=image(name))
    images.create_member(db, image_id="image", member_id="member")
    images.add_tag(db, image_id="image", tag="tag", maximum=9)
    networks.create_networks(
        db, [Network(id=name, name=name, project_id="project") for name in ("network", "spare")]
    )
    networks.create_subnets(db, [subnet("subnet", "10.0.0.0/24"), subnet("spare", "10.9.0.0/24")])
    fixed = ({"subnet_id": "subnet"},)
    ports.create_ports(db, [port("port", fixed_ips=fixed), port("spare-port", fixed_ips=fixed)])
    for name in ("volume", "reserved", "attached", "spare-volume"):
        volumes.create_volume(db, volume=volume(name), quota=VolumeQuota())
    for name in ("reserved", "attached"):
        volume_attachments.create_attachment(db, attachment=attachment(name))
    volume_attachments.complete_attachment(db, attachment_id="attached-attachment")


def subnet(name: str, cidr: str, network_id: str = "network") -> Subnet:
    first = cidr.removesuffix("0/24")
    return Subnet(
        id=name, network_id=network_id, project_id="project", name=name, cidr=cidr, ip_version=4,
        gateway_ip=f"{first}1", allocation_pools=({"start": f"{first}2", "end": f"{first}99"},),
    )  # fmt: skip


def _seed_instances(db: Database) -> None:
    everybody = (SCHEDULING, CLAIMED, BUILDING, ACTIVE, STOPPING, DELETING, UNPLACED)
    hosts.report_nodes(db, [make_node("host1", vcpus=16)])
    builds.create_instances(
        db, context(), make_boot(instance_uuids=everybody, image_ref="image"), UNLIMITED
    )
    placed = [CLAIMED, BUILDING, ACTIVE, STOPPING, DELETING]
    claims.claim_nodes(db, [claim(uuid) for uuid in placed])
    started = placed[1:]
    builds.start_builds(db, "host1", OWNER, [order(uuid) for uuid in started], StepLog())
    builds.finish_builds(db, [result(uuid) for uuid in started[1:]], "nova")
    begin_stop(db, STOPPING)
    actions.begin_delete(db, context("req-delete"), DELETING)
    builds.fail_builds(db, [result(UNPLACED, error="no", can_retry=False)], max_attempts=3)


def begin_stop(db: Database, uuid: str) -> None:
    actions.begin_action(
        db, context("req-stop"), uuid, action="stop", event="compute_stop_instance",
        vm_states=[VmState.ACTIVE], task_state=TaskState.POWERING_OFF,
    )  # fmt: skip


STOPPED = {"vm_state": VmState.STOPPED, "power_state": PowerState.SHUTDOWN}


class Files:
    """The database's file: kept, and put back as it was."""

    def __init__(self, db: Database, path: Path) -> None:
        self._db, self._path = db, path

    def keep(self) -> None:
        """Keep a copy of what is there."""
        with self._db.write() as connection:
            pass
        with self._db.read() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(self._path, self._copy)

    def restore(self) -> None:
        """Put the copy in the file's place."""
        self._db.engine.dispose()
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        shutil.copy(self._copy, self._path)

    @property
    def _copy(self) -> Path:
        return self._path.with_suffix(".kept")


VOLATILE: Mapping[str, Sequence[str]] = {
    "services": ("id",),
    "boot_steps": ("start", "duration_s"),
    "compute_nodes": ("version",),
    "counters": ("value",),
    "action_events": ("id", "action_id"),
    "instance_actions": ("id",),
}
"""Columns that count or name changes and are nobody's state."""


def content(db: Database) -> dict[str, list[str]]:
    """Return everything in the database; of a time only whether there is one."""
    found = {}
    with db.read() as connection:
        for table in schema.metadata.sorted_tables:
            rows = [
                _shown(table.name, row._mapping) for row in connection.execute(sa.select(table))
            ]
            found[table.name] = sorted(rows)
    return found


def _shown(table: str, row: Mapping[str, Any]) -> str:
    kept = {}
    for name, value in row.items():
        if name in VOLATILE.get(table, ()):
            continue
        is_time = isinstance(value, datetime.datetime)
        kept[name] = "a time" if is_time else value
    return repr(kept)
