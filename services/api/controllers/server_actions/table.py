"""Every controller whose methods serve POST /servers/{id}/action besides `servers` itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from devstack_lite.clients.image import ImageClient
from devstack_lite.clients.volume import VolumeClient
from devstack_lite.db.engine import Database
from services.api.controllers.server_actions.asking import Asking
from services.api.controllers.server_actions.consoles import ConsolesController
from services.api.controllers.server_actions.deferred_deletes import DeferredDeletesController
from services.api.controllers.server_actions.fixed_ips import FixedIpsController
from services.api.controllers.server_actions.floating_ips import FloatingIpsController
from services.api.controllers.server_actions.interventions import InterventionsController
from services.api.controllers.server_actions.live_migrations import LiveMigrationsController
from services.api.controllers.server_actions.locks import LocksController
from services.api.controllers.server_actions.power import PowerController
from services.api.controllers.server_actions.rebuilds import RebuildsController
from services.api.controllers.server_actions.rescues import RescuesController
from services.api.controllers.server_actions.resizes import ResizesController
from services.api.controllers.server_actions.security_groups import SecurityGroupsController
from services.api.controllers.server_actions.server_states import ServerStatesController
from services.api.controllers.server_actions.shelves import ShelvesController
from services.api.controllers.server_actions.snapshots import SnapshotsController
from services.api.controllers.server_actions.standing_still import StandingStillController
from services.api.controllers.server_actions.volume_snapshots import VolumeSnapshots
from services.api.floating_addresses import FloatingAddresses
from services.api.quotas import ProjectQuotas
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.deferred_deletes import DeferredDeletesAPI
from services.conductor.rpcapi.instance_changes import InstanceChangesAPI
from services.conductor.rpcapi.instances import InstancesAPI
from services.conductor.rpcapi.moves import MovesAPI
from services.conductor.rpcapi.security_groups import SecurityGroupsAPI

IMAGE_TIMEOUT_S = 10.0
"""What the image service may take to answer; whoever asks waits for it."""


def make_asking(conf: Any, db: Database, transport: Any) -> Asking:
    """Return whom the actions ask; db is read-only."""
    monitor_s = conf.rpc.call_monitor_s
    return Asking(
        conf=conf,
        db=db,
        instances=InstancesAPI(transport, call_monitor_s=monitor_s),
        changes=InstanceChangesAPI(transport, call_monitor_s=monitor_s),
        compute=ComputeAPI(transport, call_monitor_s=monitor_s),
        quotas=ProjectQuotas(db, conf.quota),
        moves=MovesAPI(transport, call_monitor_s=monitor_s),
    )


def make_controllers(asking: Asking, transport: Any, addresses: FloatingAddresses) -> Iterator[Any]:
    """Yield the controllers whose methods serve actions."""
    conf = asking.conf
    monitor_s = conf.rpc.call_monitor_s
    yield PowerController(asking)
    yield StandingStillController(asking)
    yield LocksController(asking)
    yield RebuildsController(asking)
    yield ConsolesController(asking)
    yield ServerStatesController(asking)
    yield RescuesController(asking)
    yield InterventionsController(asking)
    yield SnapshotsController(
        asking,
        ImageClient(conf.endpoints.image, timeout_s=IMAGE_TIMEOUT_S),
        VolumeSnapshots(asking.db, VolumeClient(conf.endpoints.volume, timeout_s=IMAGE_TIMEOUT_S)),
        image_url=conf.endpoints.image,
    )
    yield ShelvesController(asking)
    yield DeferredDeletesController(asking, DeferredDeletesAPI(transport, call_monitor_s=monitor_s))
    yield ResizesController(asking)
    yield SecurityGroupsController(asking, SecurityGroupsAPI(transport, call_monitor_s=monitor_s))
    yield FloatingIpsController(asking, addresses)
    yield FixedIpsController(asking, addresses.network)
    yield LiveMigrationsController(asking)
