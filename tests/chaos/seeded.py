"""A database with something of everything, its ids known by name; and what it looks like."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from devstack_lite.context import RequestContext
from devstack_lite.db import (
    actions,
    aggregates,
    builds,
    catalog,
    claims,
    delegations,
    deletes,
    failed_builds,
    flavors,
    grants,
    hosts,
    identity,
    images,
    keypairs,
    live_migrations,
    networks,
    ports,
    quota_limits,
    resizes,
    schema,
    server_groups,
    volume_attachments,
    volume_changes,
    volume_quotas,
    volume_snapshots,
    volume_transfers,
    volume_types,
    volumes,
)
from devstack_lite.db.engine import Database
from devstack_lite.db.quotas import Limits
from devstack_lite.db.schema import instances
from devstack_lite.objects.catalog import CatalogRegion
from devstack_lite.objects.compute import (
    Aggregate,
    BuildOrder,
    BuildResult,
    Claim,
    Flavor,
    Keypair,
    ServerGroup,
)
from devstack_lite.objects.delegation import ApplicationCredential, Credential, Trust
from devstack_lite.objects.identity import (
    Assignment,
    Domain,
    Group,
    Policy,
    Project,
    Role,
    User,
)
from devstack_lite.objects.image import Image
from devstack_lite.objects.network import Network, Port, Subnet
from devstack_lite.objects.volume import (
    Volume,
    VolumeAttachment,
    VolumeQuota,
    VolumeSnapshot,
    VolumeTransfer,
)
from devstack_lite.objects.volume_type import VolumeType
from devstack_lite.states import PowerState, TaskState, VmState
from devstack_lite.steps import StepLog
from tests.chaos.network_messages import seed_routing
from tests.unit.conftest import TINY, make_boot, make_node

UNLIMITED = Limits(instances=-1, cores=-1, ram=-1)
THEN = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)
OWNER = "host1/1/10-a"
"""The worker that has in hand what is under way on host1."""
HELD = "held-port"
"""A port that ACTIVE shows."""
CHANGE = "change"
"""The id of the change by which the volume `leaving` leaves ACTIVE."""

SCHEDULING, CLAIMED, BUILDING, ACTIVE, STOPPING, DELETING, UNPLACED = (
    "scheduling", "claimed", "building", "active", "stopping", "deleting", "unplaced",
)  # fmt: skip
RESTORABLE, SHELVED, OFFLOADED = "restorable", "shelved", "offloaded"
RESIZED, CONFIRMING, PLACED, LEAVING = "resized", "confirming", "placed", "leaving"
"""Uuids of instances, each in the state of its name; unplaced is in ERROR and on no host."""


KEPT_AS = {"system_metadata": {"shelved_image_id": "image", "shelved_at": THEN.isoformat()}}
"""What a shelved instance knows of its image."""


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


def snapshot(name: str) -> VolumeSnapshot:
    return VolumeSnapshot(
        id=name, volume_id="snapshotted", project_id="project", user_id="user", created_at=THEN
    )


def transfer(name: str, volume_id: str) -> VolumeTransfer:
    return VolumeTransfer(
        id=name, volume_id=volume_id, salt="salt", created_at=THEN,
        key_hash=volume_transfers.hash_of("key", "salt"),
    )  # fmt: skip


def volume_type(name: str) -> VolumeType:
    return VolumeType(id=name, name=name, is_public=False, created_at=THEN)


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
    quota_limits.update_limits(
        db, scope=quota_limits.Scope.PROJECT, name="limited", values={"cores": 1}, is_forced=False
    )
    seed_routing(db)
    hosts.report_nodes(db, [make_node("host1"), make_node("host2", vcpus=16)])
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
        Domain(id="closed-domain", name="closed", enabled=False),
        Group(id="user-group", name="group", domain_id="default"),
        Policy(id="policy", type="text/plain", blob="all"),
    ):
        identity.create(db, thing)  # type: ignore[type-var]
    grants.grant_role(db, assignment("role"))
    grants.add_member(db, group_id="user-group", user_id="user")
    for kept in (application_credential("app"), trust("trust"), credential("credential")):
        delegations.create(db, kept)  # type: ignore[type-var]
    catalog.create(db, CatalogRegion(id="region"))
    grants.imply_role(db, prior_id="role", implied_id="spare-role")
    flavors.create_flavor(db, flavor=TINY)
    flavors.add_access(db, flavor_id=TINY.id, project_id="other")
    hosts.report_service(
        db, binary="nova-scheduler", host="old", topic="scheduler", availability_zone="internal"
    )
    keypairs.create_keypair(db, keypair=keypair("key"), limit=-1)


def application_credential(name: str) -> ApplicationCredential:
    return ApplicationCredential(
        id=name, name=name, user_id="user", project_id="project", secret_hash="h",
        role_ids=("role",),
    )  # fmt: skip


def trust(name: str) -> Trust:
    return Trust(
        id=name, trustor_user_id="user", trustee_user_id="spare-user", project_id="project",
        role_ids=("role",), impersonation=True, remaining_uses=1,
    )  # fmt: skip


def credential(name: str) -> Credential:
    return Credential(id=name, type="cert", blob="{}", user_id="user")


def assignment(role_id: str) -> Assignment:
    return Assignment(user_id="user", target_id="project", target_type="project", role_id=role_id)


def keypair(name: str) -> Keypair:
    return Keypair(user_id="user", name=name, public_key="ssh-ed25519 AAAA", fingerprint="aa")


def _seed_resources(db: Database) -> None:
    for name in ("image", "spare-image"):
        images.create_image(db, image=image(name))
    images.create_member(db, image_id="image", member_id="member", maximum=9)
    images.add_tag(db, image_id="image", tag="tag", maximum=9)
    networks.create_networks(
        db, [Network(id=name, name=name, project_id="project") for name in ("network", "spare")]
    )
    networks.create_subnets(db, [subnet("subnet", "10.0.0.0/24"), subnet("spare", "10.9.0.0/24")])
    fixed = ({"subnet_id": "subnet"},)
    ports.create_ports(db, [port("port", fixed_ips=fixed), port("spare-port", fixed_ips=fixed)])
    names = (
        "volume", "reserved", "attached", "leaving", "spare-volume", "snapshotted", "offered",
        "of-stopping",
    )  # fmt: skip
    for name in names:
        volumes.create_volume(db, volume=volume(name), quota=VolumeQuota())
    for name in ("reserved", "attached", "leaving"):
        volume_attachments.create_attachment(db, attachment=attachment(name))
    of_stopping = attachment("of-stopping", STOPPING)
    volume_attachments.create_attachment(db, attachment=of_stopping)
    for name in ("attached", "leaving", "of-stopping"):
        volume_attachments.complete_attachment(db, attachment_id=f"{name}-attachment")
    volume_snapshots.create_snapshot(
        db, snapshot=snapshot("snapshot"), is_forced=False, quota=VolumeQuota()
    )
    volumes.update_volume(db, volume_id="snapshotted", values={"bootable": True})
    volume_transfers.create_transfer(db, transfer=transfer("transfer", "offered"))
    volume_types.create_type(db, volume_type=volume_type("type"))
    volume_types.add_access(db, type_id="type", project_id="project")
    volume_quotas.set_quota(db, project_id="limited", limits={"volumes": 5})


def subnet(name: str, cidr: str, network_id: str = "network") -> Subnet:
    first = cidr.removesuffix("0/24")
    return Subnet(
        id=name, network_id=network_id, project_id="project", name=name, cidr=cidr, ip_version=4,
        gateway_ip=f"{first}1", allocation_pools=({"start": f"{first}2", "end": f"{first}99"},),
    )  # fmt: skip


SMALL = Flavor(id="2", name="m1.small", vcpus=2, memory_mb=1024, root_gb=2)


def resize(db: Database, uuid: str) -> None:
    """Have an instance of host1 be on host2, larger, and not confirmed."""
    resizes.begin_resize(
        db, context("req-resize"), uuid, flavor=SMALL, target_host=None, may_stay_on_host=False,
        limits=UNLIMITED,
    )  # fmt: skip
    claims.claim_nodes(db, [replace(claim(uuid), host="host2", node="host2", vcpus=2, attempt=2)])
    moved = replace(order(uuid), node="host2", attempt=2)
    builds.start_builds(db, "host2", "host2/1/10-a", [moved], StepLog())
    builds.finish_builds(db, [replace(result(uuid), node="host2", attempt=2)], "nova")


def leaving_order(uuid: str) -> BuildOrder:
    """Return the order of a live migration to host2."""
    return replace(order(uuid), node="host2", attempt=2)


def _seed_instances(db: Database) -> None:
    moving = (RESIZED, CONFIRMING, PLACED, LEAVING)
    everybody = (
        SCHEDULING, CLAIMED, BUILDING, ACTIVE, STOPPING, DELETING, RESTORABLE, SHELVED, UNPLACED,
        OFFLOADED, *moving,
    )  # fmt: skip
    hosts.report_nodes(db, [make_node("host1", vcpus=16, memory_mb=16384)])
    builds.create_instances(
        db, context(), make_boot(instance_uuids=everybody, image_ref="image"), UNLIMITED
    )
    placed = [CLAIMED, BUILDING, ACTIVE, STOPPING, DELETING, RESTORABLE, SHELVED, *moving]
    claims.claim_nodes(db, [claim(uuid) for uuid in placed])
    started = placed[1:]
    builds.start_builds(db, "host1", OWNER, [order(uuid) for uuid in started], StepLog())
    shown = {"port_id": HELD, "mac": "fa:16:3e:00:00:01", "ips": [], "is_ours": True}
    builds.finish_builds(db, [result(uuid, network_info=(shown,)) for uuid in started[1:]], "nova")
    begin_stop(db, STOPPING)
    volume_changes.begin_detach_volume(
        db, context("req-detach"), ACTIVE, change_id=CHANGE, volume_id="leaving"
    )
    deletes.begin_delete(db, context("req-delete"), DELETING)
    with db.write() as connection:
        connection.execute(
            instances.update()
            .where(instances.c.uuid == RESTORABLE)
            .values(vm_state=VmState.SOFT_DELETED, power_state=PowerState.SHUTDOWN)
        )
        connection.execute(
            instances.update()
            .where(instances.c.uuid == SHELVED)
            .values(vm_state=VmState.SHELVED, power_state=PowerState.SHUTDOWN, **KEPT_AS)
        )
    for uuid in (RESIZED, CONFIRMING):
        resize(db, uuid)
    resizes.begin_confirm(db, context("req-confirm"), CONFIRMING)
    for uuid in (PLACED, LEAVING):
        live_migrations.begin_live_migration(db, context("req-live"), uuid, target_host=None)
        claims.claim_nodes(db, [replace(claim(uuid), host="host2", node="host2", attempt=2)])
    builds.start_builds(db, "host2", "host2/1/10-a", [leaving_order(LEAVING)], StepLog())
    ended = [result(uuid, error="no", can_retry=False) for uuid in (UNPLACED, OFFLOADED)]
    failed_builds.fail_builds(db, ended, max_attempts=3)
    with db.write() as connection:
        connection.execute(
            instances.update()
            .where(instances.c.uuid == OFFLOADED)
            .values(vm_state=VmState.SHELVED_OFFLOADED, **KEPT_AS)
        )


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
