"""Taking a boot request: check it, have it recorded, ask for hosts; steps 2 to 5.

All checks read the database only, so that a refused request leaves nothing behind. Once the
instances are recorded the request is accepted, whatever becomes of the call to the scheduler: what
it asks for stands in their rows.
"""

from __future__ import annotations

import dataclasses
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.db import flavors, hosts, keypairs, server_groups
from devstack_lite.db.boot_checks import find_image, find_networks, require_secured
from devstack_lite.db.engine import Database
from devstack_lite.db.port_groups import DEFAULT
from devstack_lite.db.server_network import find_groups
from devstack_lite.exceptions import Invalid, NotFound, QuotaExceeded
from devstack_lite.gathering import Gatherer
from devstack_lite.numa.wanted import wanted_topology
from devstack_lite.objects.compute import (
    BootRequest,
    Flavor,
    Instance,
    NetworkRequest,
    ScheduleRequest,
)
from devstack_lite.objects.registry import Json
from devstack_lite.pci.alias import requests_of
from devstack_lite.steps import StepLog, StepRecord, point_of
from services.api.block_devices import DiskChecker
from services.api.extra_specs import check_resources
from services.api.networks_wanted import networks_wanted
from services.api.personality import injected_files
from services.api.policy import require_admin, visible_project
from services.api.quotas import ProjectQuotas
from services.api.schemas.parameters import is_true, whole
from services.conductor.rpcapi.builds import BuildsAPI
from services.scheduler.rpcapi import SchedulerAPI

LOG = logging.getLogger(__name__)

_GIB = 2**30
MAX_COUNT = 1000
"""Servers of one request; Nova has no bound but the quota, a message has one of size."""


GATHERED_COUNT = 10
"""Servers of one request up to which it goes with others. With more it is a batch of its own, and
so is what brings files: a message has a bound of size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A boot request that was checked."""

    context: RequestContext
    wanted: BootRequest
    log: StepLog


class Booter:
    """What POST /servers does."""

    def __init__(
        self,
        db: Database,
        conductor: BuildsAPI,
        scheduler: SchedulerAPI,
        *,
        quota: ProjectQuotas,
    ) -> None:
        self._db = db
        self._conductor = conductor
        self._scheduler = scheduler
        self._quota = quota
        self._gatherer: Gatherer[Accepted, list[Instance]] = Gatherer(self._start)

    def boot(
        self,
        context: RequestContext,
        server: Json,
        hints: Json,
        *,
        started_at: float,
        issued: StepRecord | None,
        validated: StepRecord | None,
    ) -> list[Instance]:
        """Accept a boot request and return its instances, which build from now on.

        started_at: when the request came in, in epoch seconds; issued and validated: what is known
        of steps 1 and 3. Raises Invalid, Forbidden, QuotaExceeded: nothing was recorded.
        """
        failpoints.hit(f"{point_of(2)}.before")
        log = StepLog()
        if issued is not None:
            log.add(issued)
        log.open(2, start=started_at)
        if validated is not None:
            log.add(validated)
        minimum, maximum = counts_of(server)
        if maximum > MAX_COUNT:
            raise Invalid(f"max_count must be <= {MAX_COUNT}")
        wanted = self._check(context, server, hints, maximum)
        wanted = dataclasses.replace(wanted, min_count=minimum)
        if maximum > 1 and any(one.fixed_ip or one.port_id for one in wanted.networks):
            raise Invalid("Several servers cannot have one fixed IP address or port.")
        log.close(detail=f"{maximum} x {wanted.flavor.name}")
        failpoints.hit(f"{point_of(2)}.after")
        boot = Accepted(context=context, wanted=wanted, log=log)
        if maximum > GATHERED_COUNT or wanted.user_data or wanted.injected_files:
            [found] = self._start([boot])
            if isinstance(found, Exception):
                raise found
            return found
        try:
            return self._gatherer.submit(boot)
        finally:
            context.make_current()  # Whoever sent for others spoke in their names.

    def _start(self, boots: Sequence[Accepted]) -> list[list[Instance] | Exception]:
        """Have the instances of one moment's requests recorded and placed.

        Returns for each its instances, or why there are none. Once they are recorded the request
        is accepted, also if the scheduler does not answer.
        """
        recorded = record_instances(self._conductor, boots)
        placed = [
            Accepted(context=boot.context, wanted=_only(boot.wanted, found), log=boot.log)
            for boot, found in zip(boots, recorded, strict=True)
            if not isinstance(found, Exception)
        ]
        ask_scheduler(self._scheduler, placed)
        return recorded

    def wanted(self, context: RequestContext, server: Json, hints: Json, count: int) -> BootRequest:
        """Return the boot that a body without name or networks stands for. Raises Invalid."""
        return self._check(context, {"name": "what-if", "networks": [], **server}, hints, count)

    def _check(self, context: RequestContext, server: Json, hints: Json, count: int) -> BootRequest:
        with self._db.read():
            return self._checked(context, server, hints, count)

    def _checked(
        self, context: RequestContext, server: Json, hints: Json, count: int
    ) -> BootRequest:
        flavor = self._flavor(context, server["flavorRef"])
        requests_of(flavor.extra_specs)
        disks = DiskChecker(self._db, context, flavor).check(server, count)
        wanted_topology(flavor, disks.image_properties)
        metadata = server.get("metadata", {})
        limits = self._quota.of(context.project_id)
        if 0 <= limits["metadata_items"] < len(metadata):
            raise QuotaExceeded("Quota exceeded, too many metadata items.")
        return BootRequest(
            name=server["name"].strip(),
            flavor=flavor,
            image_ref=disks.image_id,
            image_properties=disks.image_properties,
            volumes=tuple(dataclasses.asdict(device) for device in disks.volumes),
            instance_uuids=tuple(str(uuid.uuid4()) for _ in range(count)),
            networks=self._networks(context, server),
            **self._place(context, server.get("availability_zone")),
            key_name=server.get("key_name"),
            key_data=self._key_data(context, server.get("key_name")),
            metadata=metadata,
            user_data=server.get("user_data"),
            config_drive=is_true(server.get("config_drive")),
            injected_files=injected_files(server, limits),
            auto_disk_config=server.get("OS-DCF:diskConfig") == "AUTO",
            description=server.get("description"),
            tags=tuple(sorted(set(server.get("tags", ())))),
            hostname=_hostname(server, count),
            **self._destination(server),
            reservation_id=f"r-{uuid.uuid4().hex[:8]}",
            scheduler_hints=self._hints(context, hints, count),
            access_ip_v4=server.get("accessIPv4"),
            access_ip_v6=server.get("accessIPv6"),
        )

    def _networks(self, context: RequestContext, server: Json) -> tuple[NetworkRequest, ...]:
        """Return the interfaces to make, in the security groups that a body names."""
        found = find_networks(self._db, context, networks_wanted(server))
        names = [group.get("name", "") for group in server.get("security_groups") or ()]
        if set(names) <= {DEFAULT}:
            return found
        try:
            groups = find_groups(self._db, str(context.project_id), names)
        except NotFound as error:
            raise Invalid(error.message) from error
        require_secured(self._db, found)
        return tuple(
            one if one.port_id else dataclasses.replace(one, security_groups=groups)
            for one in found
        )

    def _flavor(self, context: RequestContext, reference: str) -> Flavor:
        flavor_id = str(reference).rstrip("/").rsplit("/", 1)[-1]
        try:
            flavor = flavors.get_flavor(
                self._db, flavor_id, with_private=context.is_admin, project_id=context.project_id
            )
        except NotFound as error:
            raise Invalid(error.message) from error
        check_resources(flavor.extra_specs)
        return flavor

    def _key_data(self, context: RequestContext, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            keypair = keypairs.get_keypair(self._db, user_id=str(context.user_id), name=name)
        except NotFound as error:
            raise Invalid("Invalid key_name provided.") from error
        return keypair.public_key

    def _place(self, context: RequestContext, text: str | None) -> Json:
        """Return the fields of a boot that ZONE, ZONE:HOST, ZONE:HOST:NODE or ZONE::NODE means."""
        if not text:
            return {}
        zone, host, node = ([*text.split(":"), "", ""])[:3]
        if text.count(":") > 2:
            raise Invalid("Invalid availability_zone format")
        computes = [
            service for service in hosts.list_services(self._db) if service.binary == "nova-compute"
        ]
        if zone not in {service.availability_zone for service in computes}:
            raise Invalid("The requested availability zone is not available")
        if not (host or node):
            return {"availability_zone": zone}
        require_admin(context, "os_compute_api:servers:create:forced_host")
        if host and host not in {service.host for service in computes}:
            raise Invalid(f"No host {host} is in the availability zone {zone}.")
        return {"availability_zone": zone, "forced_host": host, "forced_node": node}

    def _destination(self, server: Json) -> Json:
        """Return where it shall go, as far as the filters let it: host and node of 2.74."""
        host, node = server.get("host", ""), server.get("hypervisor_hostname", "")
        if not (host or node):
            return {}
        found = hosts.list_nodes(self._db)
        if host and host not in {one.host for one in found}:
            raise Invalid(f"Compute host {host} could not be found.")
        if node and node not in {one.hypervisor_hostname for one in found}:
            raise Invalid(f"Compute host {node} could not be found.")
        if ":" in (server.get("availability_zone") or ""):
            raise Invalid(
                "Unable to parse a destination and a forced host or node from"
                " availability_zone: give one of them."
            )
        return {"requested_host": host, "requested_node": node}

    def _hints(self, context: RequestContext, hints: Json, count: int) -> Json:
        hints = {name: said for name, said in hints.items() if not name.startswith("_nova")}
        group_id = hints.get("group")
        if group_id is None:
            return hints
        try:
            group = server_groups.get_group(
                self._db, str(group_id), project_id=visible_project(context)
            )
        except NotFound as error:
            raise Invalid(error.message) from error
        limit = self._quota.of(context.project_id)["server_group_members"]
        if 0 <= limit < len(group.members) + count:
            raise QuotaExceeded("Quota exceeded, too many servers in group")
        return hints


def usable_image(
    db: Database,
    context: RequestContext,
    reference: str,
    flavor: Flavor,
    *,
    volume_gb: int | None = None,
) -> Json:
    """Return the image that a body refers to, by id or URL, for a server of that flavor.

    volume_gb: the size of the volume that the server boots from. Raises Invalid when it is not
    seen, not active or too large.
    """
    image = find_image(db, context, reference.rstrip("/").rsplit("/", 1)[-1])
    if image["status"] != "active":
        raise Invalid(f"Image {image['id']} is not active.")
    if flavor.memory_mb < image["min_ram"]:
        raise Invalid("Flavor's memory is too small for requested image.")
    if volume_gb is not None:
        if volume_gb < image["min_disk"]:
            raise Invalid(
                "Volume is smaller than the minimum size specified in image metadata. Volume size"
                f" is {volume_gb * _GIB} bytes, minimum size is {image['min_disk'] * _GIB} bytes."
            )
    elif flavor.root_gb and flavor.root_gb < image["min_disk"]:
        raise Invalid("Flavor's disk is too small for requested image.")
    return image


def record_instances(
    conductor: BuildsAPI, boots: Sequence[Accepted]
) -> list[list[Instance] | Exception]:
    """Have the instances recorded: step 4. Fewer than asked if the quota has no room for all.

    Returns QuotaExceeded, and what else there is, instead of those that were not recorded.
    """
    for boot in boots:
        boot.context.make_current()
        failpoints.hit(f"{point_of(4)}.before")
        boot.log.open(4)
    found = conductor.invoke_together(
        conductor.create_instances, [(boot.context, {"boot": boot.wanted}) for boot in boots]
    )
    for boot, made in zip(boots, found, strict=True):
        boot.context.make_current()
        if isinstance(made, Exception):
            continue
        boot.log.close(detail=f"{len(made)} rows")
        failpoints.hit(f"{point_of(4)}.after")
        for instance in made:
            LOG.info("accepted", extra={"instance_uuid": instance.uuid})
    return found


def ask_scheduler(scheduler: SchedulerAPI, boots: Sequence[Accepted]) -> None:
    """Ask for a host for each: step 5. One that does not answer is asked by the reconciler."""
    calls = []
    for boot in boots:
        boot.context.make_current()
        failpoints.hit(f"{point_of(5)}.before")
        boot.log.open(5)
        request = ScheduleRequest(
            boot=boot.wanted,
            attempt=1,
            project_id=str(boot.context.project_id),
            steps=boot.log.to_message(),
        )
        calls.append((boot.context, {"request": request}))
    answers = scheduler.invoke_together(scheduler.schedule_builds, calls) if calls else []
    for boot, answer in zip(boots, answers, strict=True):
        boot.context.make_current()
        if isinstance(answer, Exception):
            LOG.warning("accepted, but not placed yet: %s", answer)
        else:
            failpoints.hit(f"{point_of(5)}.after")


def _hostname(server: Json, count: int) -> str:
    name = str(server.get("hostname") or "")
    if name and count > 1:
        raise Invalid("A hostname cannot be given to several servers at once.")
    return name


def counts_of(server: Json) -> tuple[int, int]:
    """Return how many servers a body asks for, at least and at most. Raises Invalid."""
    minimum = whole(server.get("min_count", 1))
    maximum = whole(server.get("max_count", minimum))
    if minimum > maximum:
        raise Invalid("min_count must be <= max_count")
    return minimum, maximum


def _only(wanted: BootRequest, instances: list[Instance]) -> BootRequest:
    uuids = wanted.instance_uuids[: len(instances)]
    return dataclasses.replace(wanted, instance_uuids=uuids)
