"""Every message of the conductor is delivered twice: the state is as after one delivery."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.clock import utcnow
from devstack_lite.db import mac_addresses
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import DevstackError
from devstack_lite.objects.catalog import CatalogRegion
from devstack_lite.objects.compute import (
    Aggregate,
    Flavor,
    FoundDomain,
    Instance,
    NetworkRequest,
    Progress,
)
from devstack_lite.objects.console import Console
from devstack_lite.objects.identity import Domain, Group, Policy, Project, Role, User
from devstack_lite.objects.image import ImageChange, ImageData
from devstack_lite.objects.network import Network
from devstack_lite.objects.volume import BlockDevice, VolumeQuota
from devstack_lite.rpc.client import RpcClient, declarations
from devstack_lite.rpc.server import RpcServer
from devstack_lite.rpc.transport import get_transport
from devstack_lite.states import PowerState, TaskState, VmState
from devstack_lite.steps import StepLog
from services.conductor.manager import endpoints_of, make_dispatcher
from services.conductor.rpcapi.aggregates import AggregatesAPI
from services.conductor.rpcapi.builds import BuildsAPI
from services.conductor.rpcapi.catalog_entries import CatalogEntriesAPI
from services.conductor.rpcapi.deferred_deletes import DeferredDeletesAPI
from services.conductor.rpcapi.delegations import DelegationsAPI
from services.conductor.rpcapi.devices import DevicesAPI
from services.conductor.rpcapi.flavors import FlavorsAPI
from services.conductor.rpcapi.hosts import HostsAPI
from services.conductor.rpcapi.identity import IdentityAPI
from services.conductor.rpcapi.images import ImagesAPI
from services.conductor.rpcapi.instance_changes import InstanceChangesAPI
from services.conductor.rpcapi.instance_facts import InstanceFactsAPI
from services.conductor.rpcapi.instances import InstancesAPI
from services.conductor.rpcapi.keypairs import KeypairsAPI
from services.conductor.rpcapi.moves import MovesAPI
from services.conductor.rpcapi.networks import NetworksAPI
from services.conductor.rpcapi.quotas import QuotasAPI
from services.conductor.rpcapi.server_groups import ServerGroupsAPI
from services.conductor.rpcapi.volume_quotas import VolumeQuotasAPI
from services.conductor.rpcapi.volume_snapshots import VolumeSnapshotsAPI
from services.conductor.rpcapi.volume_transfers import VolumeTransfersAPI
from services.conductor.rpcapi.volume_types import VolumeTypesAPI
from services.conductor.rpcapi.volumes import VolumesAPI
from tests.chaos import seeded
from tests.chaos.network_messages import NETWORK_APIS, NETWORK_MESSAGES
from tests.chaos.seeded import (
    ACTIVE,
    BUILDING,
    CLAIMED,
    CONFIRMING,
    DELETING,
    LEAVING,
    OFFLOADED,
    PLACED,
    RESIZED,
    SCHEDULING,
    SHELVED,
    STOPPING,
    UNPLACED,
)
from tests.unit.conftest import make_boot, make_node

APIS: tuple[type[RpcClient], ...] = (
    AggregatesAPI, BuildsAPI, CatalogEntriesAPI, DeferredDeletesAPI, DelegationsAPI, DevicesAPI,
    FlavorsAPI, HostsAPI, IdentityAPI, ImagesAPI, InstanceChangesAPI, InstanceFactsAPI,
    InstancesAPI, KeypairsAPI, MovesAPI, NetworksAPI, QuotasAPI, ServerGroupsAPI, VolumesAPI,
    *NETWORK_APIS, VolumeQuotasAPI, VolumeSnapshotsAPI, VolumeTransfersAPI, VolumeTypesAPI,
)  # fmt: skip

DATA = ImageData(size=1, checksum="c", os_hash_algo="sha512", os_hash_value="h")
MORE = VolumeQuota()
STEPS = StepLog().to_message()
STOP = {
    "uuid": ACTIVE, "action": "stop", "event": "compute_stop_instance",
    "vm_states": [VmState.ACTIVE], "task_state": TaskState.POWERING_OFF,
}  # fmt: skip
FINISH_STOP = {"uuid": STOPPING, "action": "stop", "attempt": 2, **seeded.STOPPED}
RUNNING = {"vm_state": VmState.ACTIVE, "power_state": PowerState.RUNNING}
BOOT = make_boot(instance_uuids=("new-1", "new-2"))
BOOT_OF_VOLUMES = make_boot(
    instance_uuids=("new-1", "new-2"), image_ref="",
    volumes=(dataclasses.asdict(BlockDevice(size_gb=1, boot_index=0, bootable=True)),),
)  # fmt: skip
BIG = Flavor(id="9", name="m1.big", vcpus=9, memory_mb=9, root_gb=9)
STARTED = {
    "service": "compute",
    "host": "host1",
    "number": 1,
    "owner": "host1/1/11-b",
    "started_at": None,
}
FOUND = [FoundDomain(uuid=ACTIVE, node="host1", power_state=4),
         FoundDomain(uuid="stray", node="host1", power_state=1)]  # fmt: skip

MESSAGES: list[tuple[type[RpcClient], str, dict[str, Any]]] = [
    (BuildsAPI, "create_instances", {"boot": BOOT}),
    (BuildsAPI, "claim_nodes", {"wanted": [seeded.claim(SCHEDULING), seeded.claim(CLAIMED)]}),
    (BuildsAPI, "start_builds", {"host": "host1", "owner": seeded.OWNER, "steps": STEPS,
                                 "orders": [seeded.order(CLAIMED), seeded.order(BUILDING)]}),
    (BuildsAPI, "finish_builds", {"results": [seeded.result(BUILDING)],
                                  "availability_zone": "nova"}),
    (BuildsAPI, "reserve_boot_volume", {"uuid": STOPPING, "attempt": 2,
                                            "volume_id": "of-stopping"}),
    (BuildsAPI, "get_pci_devices", {"uuid": ACTIVE, "node": "host1"}),
    (BuildsAPI, "judge_builds", {"results": [seeded.result(BUILDING)]}),
    (BuildsAPI, "fail_builds", {"results": [seeded.result(BUILDING, error="no")],
                                "failed_host": "host1"}),
    (BuildsAPI, "fail_builds", {"results": [seeded.result(BUILDING, error="no", can_retry=False)],
                                "failed_host": "host1"}),
    (DevicesAPI, "begin_attach_volume", {"uuid": ACTIVE, "change_id": "new",
                                         "attachment": seeded.attachment("volume")}),
    (DevicesAPI, "begin_detach_volume", {"uuid": ACTIVE, "change_id": "new",
                                         "volume_id": "attached"}),
    (DevicesAPI, "begin_attach_interface", {"uuid": ACTIVE, "change_id": "new",
                                            "request": NetworkRequest(network_id="network")}),
    (DevicesAPI, "begin_detach_interface", {"uuid": ACTIVE, "change_id": "new",
                                            "port_id": seeded.HELD}),
    (DevicesAPI, "keep_volume", {"uuid": ACTIVE, "volume_id": "attached", "is_kept": False}),
    (DevicesAPI, "finish_change", {"change_id": seeded.CHANGE, "attempt": 1, "result": {}}),
    (DevicesAPI, "finish_change", {"change_id": seeded.CHANGE, "attempt": 1, "result": {},
                                   "error": "it broke"}),
    (FlavorsAPI, "create_flavor", {"flavor": BIG}),
    (FlavorsAPI, "delete_flavor", {"flavor_id": "1"}),
    (FlavorsAPI, "describe_flavor", {"flavor_id": "1", "description": "small"}),
    (FlavorsAPI, "set_extra_specs", {"flavor_id": "1", "specs": {"a": "b", "c": None}}),
    (FlavorsAPI, "add_flavor_access", {"flavor_id": "1", "project_id": "p"}),
    (FlavorsAPI, "remove_flavor_access", {"flavor_id": "1", "project_id": "other"}),
    (HostsAPI, "report_service", {"binary": "nova-compute", "host": "host3", "topic": "compute",
                                  "availability_zone": "nova"}),
    (HostsAPI, "report_nodes", {"nodes": [make_node("host3"), make_node("host2", vcpus=8)]}),
    (HostsAPI, "worker_started", STARTED),
    (HostsAPI, "worker_started", {**STARTED, "service": "scheduler", "host": "scheduler"}),
    (HostsAPI, "note_progress", {"reports": [
        Progress(instance_uuid=BUILDING, attempt=1, owner=seeded.OWNER,
                 task_state=TaskState.SPAWNING),
        Progress(instance_uuid=STOPPING, attempt=2, owner=seeded.OWNER),
        Progress(instance_uuid=ACTIVE, attempt=1, owner=seeded.OWNER)]}),
    (HostsAPI, "compare_host", {"host": "host1", "domains": FOUND, "seen_at": None}),
    (HostsAPI, "update_service", {"binary": "nova-compute", "host": "host1", "is_disabled": True,
                                  "disabled_reason": "why"}),
    (HostsAPI, "delete_service", {"binary": "nova-scheduler", "host": "old", "down_time_s": 1.0}),
    (AggregatesAPI, "create_aggregate", {"aggregate": Aggregate(uuid="new", name="new")}),
    (AggregatesAPI, "update_aggregate", {"aggregate_id": 1, "name": "other",
                                         "metadata": {"ssd": "true", "gone": None}}),
    (AggregatesAPI, "delete_aggregate", {"aggregate_id": 2}),
    (AggregatesAPI, "add_host", {"aggregate_id": 2, "host": "host1"}),
    (AggregatesAPI, "remove_host", {"aggregate_id": 1, "host": "host1"}),
    (ServerGroupsAPI, "create_group", {"group": seeded.group("new"), "limit": 9}),
    (ServerGroupsAPI, "delete_group", {"group_id": "group"}),
    (IdentityAPI, "create_domain", {"domain": Domain(id="d", name="d")}),
    (IdentityAPI, "update_domain", {"domain_id": "default", "values": {"description": "d"}}),
    (IdentityAPI, "delete_domain", {"domain_id": "closed-domain"}),
    (IdentityAPI, "create_group", {"group": Group(id="g", name="g", domain_id="default")}),
    (IdentityAPI, "update_group", {"group_id": "user-group", "values": {"name": "other"}}),
    (IdentityAPI, "delete_group", {"group_id": "user-group"}),
    (IdentityAPI, "add_member", {"group_id": "user-group", "user_id": "spare-user"}),
    (IdentityAPI, "remove_member", {"group_id": "user-group", "user_id": "user"}),
    (IdentityAPI, "imply_role", {"prior_id": "spare-role", "implied_id": "role"}),
    (IdentityAPI, "unimply_role", {"prior_id": "role", "implied_id": "spare-role"}),
    (IdentityAPI, "create_user", {"user": User(id="u", name="u", domain_id="default")}),
    (IdentityAPI, "update_user", {"user_id": "user", "values": {"email": "a@b"}}),
    (IdentityAPI, "delete_user", {"user_id": "user"}),
    (IdentityAPI, "create_project", {"project": Project(id="p", name="p", domain_id="default")}),
    (IdentityAPI, "update_project", {"project_id": "project", "values": {"enabled": False}}),
    (IdentityAPI, "change_project_tags", {"project_id": "project", "added": ["a"],
                                          "removed": None}),
    (IdentityAPI, "delete_project", {"project_id": "spare-project"}),
    (IdentityAPI, "create_policy", {"policy": Policy(id="new", type="t", blob="b")}),
    (IdentityAPI, "update_policy", {"policy_id": "policy", "values": {"blob": "none"}}),
    (IdentityAPI, "delete_policy", {"policy_id": "policy"}),
    (IdentityAPI, "create_role", {"role": Role(id="r", name="r")}),
    (IdentityAPI, "update_role", {"role_id": "role", "values": {"description": "d"}}),
    (IdentityAPI, "delete_role", {"role_id": "role"}),
    (IdentityAPI, "grant_role", {"assignment": seeded.assignment("spare-role")}),
    (IdentityAPI, "revoke_role", {"assignment": seeded.assignment("role")}),
    (IdentityAPI, "revoke_token", {"audit_id": "a", "expires_at": seeded.THEN}),
    (CatalogEntriesAPI, "create_entry", {"entry": CatalogRegion(id="new")}),
    (CatalogEntriesAPI, "update_entry", {"kind": "region", "entry_id": "region",
                                         "values": {"description": "d"}}),
    (CatalogEntriesAPI, "delete_entry", {"kind": "region", "entry_id": "region"}),
    (DelegationsAPI, "create_application_credential",
     {"made": seeded.application_credential("new")}),
    (DelegationsAPI, "delete_application_credential", {"made_id": "app"}),
    (DelegationsAPI, "create_trust", {"trust": seeded.trust("new")}),
    (DelegationsAPI, "delete_trust", {"trust_id": "trust"}),
    (DelegationsAPI, "use_trust", {"trust_id": "trust"}),
    (DelegationsAPI, "create_credential", {"credential": seeded.credential("new")}),
    (DelegationsAPI, "update_credential", {"credential_id": "credential",
                                           "values": {"blob": "other"}}),
    (DelegationsAPI, "delete_credential", {"credential_id": "credential"}),
    (ImagesAPI, "create_image", {"image": seeded.image("new-image")}),
    (ImagesAPI, "update_image", {"image_id": "image", "change": ImageChange(
        values={"name": "other"}, properties={"a": "b"}, removed=("c",))}),
    (ImagesAPI, "add_tag", {"image_id": "image", "tag": "new", "maximum": 2}),
    (ImagesAPI, "delete_tag", {"image_id": "image", "tag": "tag"}),
    (ImagesAPI, "move_image", {"image_id": "image", "status": "saving",
                               "from_statuses": ["queued"]}),
    (ImagesAPI, "finish_upload", {"image_id": "image", "data": DATA}),
    (ImagesAPI, "delete_image", {"image_id": "spare-image"}),
    (ImagesAPI, "create_member", {"image_id": "image", "member_id": "new", "maximum": 9}),
    (ImagesAPI, "update_member", {"image_id": "image", "member_id": "member",
                                  "status": "accepted"}),
    (ImagesAPI, "delete_member", {"image_id": "image", "member_id": "member"}),
    (InstancesAPI, "begin_action", STOP),
    (InstancesAPI, "finish_action", FINISH_STOP),
    (InstancesAPI, "finish_action", {**FINISH_STOP, "error": "it broke"}),
    (InstancesAPI, "begin_delete", {"uuid": ACTIVE}),
    (InstancesAPI, "begin_delete", {"uuid": BUILDING}),
    (InstancesAPI, "begin_delete", {"uuid": UNPLACED}),
    (InstancesAPI, "finish_delete", {"uuid": DELETING}),
    (InstancesAPI, "update_instance", {"uuid": ACTIVE, "values": {"name": "other"}}),
    (DeferredDeletesAPI, "begin_restore", {"uuid": seeded.RESTORABLE}),
    (InstanceChangesAPI, "set_lock", {"uuid": ACTIVE, "is_locked": True}),
    (InstanceChangesAPI, "set_tags", {"uuid": ACTIVE, "add": ["a"], "remove": None}),
    (InstanceChangesAPI, "set_password", {"uuid": ACTIVE, "password": "of the guest"}),
    (InstanceChangesAPI, "record_console", {"token": "t", "console": Console(
        instance_uuid=ACTIVE, console_type="novnc", node="host1", host="127.0.0.1", port=5900)}),
    (InstanceFactsAPI, "read_facts", {"instance": Instance(
        uuid=ACTIVE, name="server", project_id="project", user_id="user", flavor=BIG,
        image_ref="image", vm_state=VmState.ACTIVE)}),
    (InstancesAPI, "update_metadata", {"uuid": ACTIVE, "items": {"a": "b"}, "removed": ["gone"],
                                       "is_replacing": False, "limit": 9}),
    (InstancesAPI, "record_done", {"uuid": ACTIVE, "action": "changePassword",
                                   "event": "compute_set_admin_password", "error": "no agent"}),
    (InstancesAPI, "reset_state", {"uuid": STOPPING, "vm_state": VmState.ERROR}),
    (InstancesAPI, "finish_action", {"uuid": CONFIRMING, "action": "confirmResize", "attempt": 3,
                                     **RUNNING}),
    (MovesAPI, "begin_resize", {"uuid": ACTIVE, "flavor": seeded.SMALL}),
    (MovesAPI, "begin_resize", {"uuid": ACTIVE, "flavor": None}),
    (MovesAPI, "is_under_way", {"uuid": CONFIRMING, "attempt": 3}),
    (MovesAPI, "begin_offload", {"uuid": SHELVED}),
    (MovesAPI, "begin_unshelve", {"uuid": OFFLOADED, "zone": "nova", "is_zone_given": True}),
    (MovesAPI, "begin_live_migration", {"uuid": ACTIVE}),
    (MovesAPI, "note_live_progress", {"uuid": LEAVING, "attempt": 3,
                                      "progress": {"memory_total_bytes": 9}}),
    (MovesAPI, "note_live_end", {"uuid": LEAVING, "wish": "abort"}),
    (BuildsAPI, "start_builds", {"host": "host2", "owner": seeded.OWNER, "steps": STEPS,
                                 "orders": [seeded.leaving_order(PLACED)]}),
    (InstancesAPI, "finish_action", {"uuid": LEAVING, "action": "run_live_migration",
                                     "attempt": 3, **RUNNING}),
    (InstancesAPI, "finish_action", {"uuid": LEAVING, "action": "run_live_migration",
                                     "attempt": 3, **RUNNING, "error": "no"}),
    (MovesAPI, "begin_confirm", {"uuid": RESIZED}),
    (MovesAPI, "begin_revert", {"uuid": RESIZED}),
    (KeypairsAPI, "create_keypair", {"keypair": seeded.keypair("new"), "limit": 9}),
    (KeypairsAPI, "delete_keypair", {"user_id": "user", "name": "key"}),
    (NetworksAPI, "create_networks", {"networks": [
        Network(id="new", name="new", project_id="project")]}),
    (NetworksAPI, "update_network", {"network_id": "network", "values": {"name": "other"}}),
    (NetworksAPI, "delete_network", {"network_id": "spare"}),
    (NetworksAPI, "create_subnets", {"subnets": [seeded.subnet("new", "10.8.0.0/24")]}),
    (NetworksAPI, "update_subnet", {"subnet_id": "subnet", "values": {"name": "other"}}),
    (NetworksAPI, "delete_subnet", {"subnet_id": "spare"}),
    (NetworksAPI, "create_ports", {"ports": [
        seeded.port("new-port", device_id=ACTIVE, device_owner="compute:nova", host_id="host1"),
        seeded.port("port", host_id="host2")]}),
    (NetworksAPI, "update_port", {"port_id": "port", "holder": None, "values": {
        "name": "other", "fixed_ips": [{"subnet_id": "subnet", "ip_address": "10.0.0.50"}]}}),
    (NetworksAPI, "delete_port", {"port_id": "port"}),
    (QuotasAPI, "update_limits", {"scope": "project", "name": "project",
                                  "values": {"cores": 99}, "is_forced": False}),
    (QuotasAPI, "delete_limits", {"project_id": "limited"}),
    (VolumesAPI, "create_volume", {"volume": seeded.volume("new"), "quota": MORE}),
    (VolumesAPI, "update_volume", {"volume_id": "volume", "values": {"name": "other"}}),
    (VolumesAPI, "update_map", {"volume_id": "volume", "name": "metadata", "items": {"a": "b"},
                                "removed": [], "is_replacing": False}),
    (VolumesAPI, "move_volume", {"volume_id": "volume", "status": "reserved",
                                 "from_statuses": ["available"], "action": "reserve"}),
    (VolumesAPI, "reimage_volume", {"volume_id": "volume", "image_id": "new",
                                    "image_metadata": {"image_id": "new"},
                                    "from_statuses": ["available"]}),
    (VolumesAPI, "extend_volume", {"volume_id": "volume", "size_gb": 2, "quota": MORE}),
    (VolumesAPI, "delete_volume", {"volume_id": "spare-volume", "is_forced": False}),
    (VolumesAPI, "create_attachment", {"attachment": seeded.attachment("volume"),
                                       "is_reserved": False}),
    (VolumesAPI, "update_attachment", {"attachment_id": "reserved-attachment",
                                       "connector": {"host": "host1"}}),
    (VolumesAPI, "complete_attachment", {"attachment_id": "reserved-attachment"}),
    (VolumesAPI, "delete_attachment", {"attachment_id": "attached-attachment"}),
    (VolumesAPI, "detach_volume", {"volume_id": "attached", "attachment_id": None}),
    (VolumesAPI, "settle_volume", {"volume_id": "attached"}),
    (BuildsAPI, "create_instances", {"boot": BOOT_OF_VOLUMES}),
    (VolumeSnapshotsAPI, "create_snapshot", {"snapshot": seeded.snapshot("new"),
                                             "is_forced": False, "quota": MORE}),
    (VolumeSnapshotsAPI, "update_snapshot", {"snapshot_id": "snapshot",
                                             "values": {"name": "other"}}),
    (VolumeSnapshotsAPI, "update_metadata", {"snapshot_id": "snapshot", "items": {"a": "b"},
                                             "removed": [], "is_replacing": False}),
    (VolumeSnapshotsAPI, "delete_snapshot", {"snapshot_id": "snapshot", "is_forced": False}),
    (VolumeSnapshotsAPI, "revert_volume", {"volume_id": "snapshotted", "snapshot_id": "snapshot"}),
    (VolumeTransfersAPI, "create_transfer", {"transfer": seeded.transfer("new", "volume")}),
    (VolumeTransfersAPI, "delete_transfer", {"transfer_id": "transfer"}),
    (VolumeTransfersAPI, "accept_transfer", {"transfer_id": "transfer", "key": "key",
                                             "quota": MORE}),
    (VolumeTypesAPI, "create_type", {"volume_type": seeded.volume_type("new")}),
    (VolumeTypesAPI, "update_type", {"type_id": "type", "values": {"name": "other"}}),
    (VolumeTypesAPI, "delete_type", {"type_id": "type"}),
    (VolumeTypesAPI, "update_extra_specs", {"type_id": "type", "items": {"a": "b"}, "removed": []}),
    (VolumeTypesAPI, "add_access", {"type_id": "type", "project_id": "other"}),
    (VolumeTypesAPI, "remove_access", {"type_id": "type", "project_id": "project"}),
    (VolumeQuotasAPI, "set_quota", {"project_id": "limited", "limits": {"volumes": 6}}),
    (VolumeQuotasAPI, "delete_quota", {"project_id": "limited"}),
    *NETWORK_MESSAGES,
]  # fmt: skip

MOMENTS: dict[str, Callable[[], datetime.datetime]] = {
    "started_at": utcnow,
    "seen_at": lambda: utcnow() + datetime.timedelta(minutes=1),
}
"""Arguments that are times: everything in the database is older than a start, and settled when it
is looked at."""

READING = {"judge_builds", "is_under_way", "get_pci_devices", "read_facts"}
"""Methods that write nothing; settle_volume writes only what was wrong."""


@dataclass
class Conductor:
    """A conductor behind an in-process broker, and its database."""

    db: Database
    files: seeded.Files
    transport: Any

    def deliver(self, api: type[RpcClient], name: str, arguments: dict[str, Any]) -> Any:
        """Send a message as its callers do, once; return the answer."""
        return getattr(api(self.transport), name)(seeded.context("req-2"), **arguments)


@pytest.fixture(scope="module")
def conductor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conductor]:
    path = tmp_path_factory.mktemp("double") / "cloud.sqlite"
    db = Database(f"sqlite:///{path}")
    seeded.seed(db)
    files = seeded.Files(db, path)
    files.keep()
    conf = options.register(cfg.CONF)
    conf([], project="devstack-lite", default_config_files=[])
    get_transport(conf)  # registers transport_url
    conf.set_override("transport_url", "fake:/")
    transport = get_transport(conf)
    server = RpcServer(
        transport,
        topic="conductor",
        server="tests",
        endpoints=endpoints_of(conf, db, make_dispatcher(conf, transport)),
        threads=2,
    )
    server.start()
    yield Conductor(db, files, transport)
    stopper = threading.Thread(target=server.stop, args=(1.0,))
    stopper.start()
    stopper.join(timeout=10)
    conf.reset()
    conf.clear_override("transport_url")
    db.engine.dispose()


@pytest.fixture(autouse=True)
def known_macs(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have the same MAC addresses made in each delivery's run; returns what begins anew."""
    numbers = itertools.count(1)

    def begin() -> None:
        nonlocal numbers
        numbers = itertools.count(1)

    monkeypatch.setattr(
        mac_addresses.secrets, "token_bytes", lambda size: next(numbers).to_bytes(size, "big")
    )
    return begin


@pytest.mark.parametrize(
    ("api", "name", "arguments"), MESSAGES, ids=lambda one: one if isinstance(one, str) else ""
)
def test_twice_is_as_once(
    conductor: Conductor,
    known_macs: Callable[[], None],
    api: type[RpcClient],
    name: str,
    arguments: dict[str, Any],
) -> None:
    """The second delivery changes nothing, and answers as the first where callers repeat it."""
    known_macs()
    arguments = {**arguments, **{key: at() for key, at in MOMENTS.items() if key in arguments}}
    conductor.files.restore()
    before = seeded.content(conductor.db)
    conductor.deliver(api, name, arguments)
    once = seeded.content(conductor.db)
    known_macs()
    conductor.files.restore()
    first = conductor.deliver(api, name, arguments)
    declared = declarations(api)[name]
    if declared.is_idempotent:
        second = conductor.deliver(api, name, arguments)
        if name not in COUNTS:
            assert _told(second) == _told(first)
    else:
        refusal = declared.done_when or DevstackError
        with pytest.raises(refusal) if name not in HARMLESS else _nothing():
            conductor.deliver(api, name, arguments)
    assert seeded.content(conductor.db) == once
    if name not in READING | {"settle_volume"}:
        assert once != before, "the message changed nothing: it proves nothing"


COUNTS = {"worker_started", "finish_action", "finish_delete", "delete_port", "start_builds",
          "compare_host", "finish_change"}  # fmt: skip
"""Their answers say what this delivery did, or hold times."""

HARMLESS = {"update_map", "update_metadata", "update_extra_specs", "forget_limits", "remove_tag"}
"""Not repeated by callers: for keys that are removed, or an answer that says what was there."""


def _nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()


def _told(answer: Any) -> Any:
    """Return an answer without its times."""
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        return {
            field.name: _told(getattr(answer, field.name))
            for field in dataclasses.fields(answer)
            if not field.name.endswith("_at")
        }
    if isinstance(answer, list | tuple):
        return [_told(one) for one in answer]
    return answer


def test_every_message_is_among_them() -> None:
    """A method that is declared of the conductor and not delivered twice here is an oversight."""
    declared = {(api, name) for api in APIS for name in declarations(api)}
    assert declared == {(api, name) for api, name, _ in MESSAGES}
    served = {endpoint.target.namespace for endpoint in endpoints_of(cfg.CONF, None, None)}  # type: ignore[arg-type]
    assert served == {api.NAMESPACE for api in APIS}
