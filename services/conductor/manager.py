"""The conductor's endpoints: one per interface, all behind one queue."""

from __future__ import annotations

from typing import Any

from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.db.quota_limits import read_limits
from devstack_lite.db.quotas import Limits
from services.compute.rpcapi import ComputeAPI
from services.conductor.dispatch import Dispatcher
from services.conductor.endpoints.aggregates import Aggregates
from services.conductor.endpoints.builds import Builds
from services.conductor.endpoints.catalog_entries import CatalogEntries
from services.conductor.endpoints.deferred_deletes import DeferredDeletes
from services.conductor.endpoints.delegations import Delegations
from services.conductor.endpoints.devices import Devices
from services.conductor.endpoints.flavors import Flavors
from services.conductor.endpoints.floating_ips import FloatingIps
from services.conductor.endpoints.hosts import Hosts
from services.conductor.endpoints.identity import Identity
from services.conductor.endpoints.images import Images
from services.conductor.endpoints.instance_changes import InstanceChanges
from services.conductor.endpoints.instance_facts import InstanceFactsReader
from services.conductor.endpoints.instances import Instances
from services.conductor.endpoints.keypairs import Keypairs
from services.conductor.endpoints.moves import Moves
from services.conductor.endpoints.network_quotas import NetworkQuotas
from services.conductor.endpoints.network_tags import NetworkTags
from services.conductor.endpoints.networks import Networks
from services.conductor.endpoints.quotas import Quotas
from services.conductor.endpoints.routers import Routers
from services.conductor.endpoints.security_groups import SecurityGroups
from services.conductor.endpoints.server_groups import ServerGroups
from services.conductor.endpoints.subnet_pools import SubnetPools
from services.conductor.endpoints.volume_quotas import VolumeQuotas
from services.conductor.endpoints.volume_snapshots import VolumeSnapshots
from services.conductor.endpoints.volume_transfers import VolumeTransfers
from services.conductor.endpoints.volume_types import VolumeTypes
from services.conductor.endpoints.volumes import Volumes
from services.scheduler.rpcapi import SchedulerAPI


def make_dispatcher(conf: Any, transport: Any) -> Dispatcher:
    """Return what asks for operations again."""
    monitor_s = conf.rpc.call_monitor_s
    return Dispatcher(
        SchedulerAPI(transport, call_monitor_s=monitor_s),
        ComputeAPI(transport, call_monitor_s=monitor_s),
    )


def endpoints_of(conf: Any, db: Database, dispatcher: Dispatcher) -> list[Any]:
    """Return every endpoint of a conductor worker."""

    def limits(project_id: str, user_id: str) -> Limits:
        """Return what a user may have as it is now: SIGHUP or an administrator may change it."""
        own, of_user = read_limits(db, project_id, user_id, conf.quota)
        return Limits(
            instances=own["instances"], cores=own["cores"], ram=own["ram"], of_user=of_user
        )

    return [
        Builds(
            db,
            dispatcher,
            limits=limits,
            max_attempts=conf.scheduler.max_attempts,
            packs_cells=conf.compute.packing_host_numa_cells_allocation_strategy,
        ),
        Instances(db, dispatcher, down_time_s=conf.service_down_time_s),
        InstanceChanges(db, console_s=conf.consoleauth.token_ttl),
        InstanceFactsReader(db),
        DeferredDeletes(db, limits=limits),
        Moves(db, dispatcher, limits=limits),
        Hosts(db, dispatcher),
        Devices(db),
        Flavors(db),
        Aggregates(db),
        ServerGroups(db),
        Keypairs(db),
        Quotas(db),
        Identity(db),
        CatalogEntries(db),
        Delegations(db),
        Images(db),
        Networks(db),
        Routers(db),
        FloatingIps(db),
        SecurityGroups(db),
        NetworkQuotas(db),
        NetworkTags(db),
        SubnetPools(db),
        Volumes(db),
        VolumeQuotas(db),
        VolumeSnapshots(db),
        VolumeTransfers(db),
        VolumeTypes(db),
    ]


def report_self(conf: Any, db: Database) -> None:
    """Give the conductor's own sign of life, without a message to itself."""
    hosts.report_service(
        db, binary="nova-conductor", host=conf.host, topic="conductor",
        availability_zone="internal",
    )  # fmt: skip
