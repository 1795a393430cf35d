"""/servers."""

from __future__ import annotations

import secrets

from devstack_lite import clock
from devstack_lite.db import (
    instances,
    server_groups,
    server_network,
    tags,
    volume_reads,
)
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import VmState
from devstack_lite.steps import STEPS
from devstack_lite.wsgi.request import ISSUED, STARTED, VALIDATED, Reply, Request
from devstack_lite.wsgi.resource import api
from services.api.boot import Booter, counts_of
from services.api.controllers.server_actions import deferred_deletes
from services.api.controllers.server_actions.asking import Asking
from services.api.host_states import host_states
from services.api.policies import REQUESTED_DESTINATION
from services.api.policy import authorize, require_member, visible_project
from services.api.schemas import queries
from services.api.schemas import server_bodies as schemas
from services.api.schemas.parameters import is_true
from services.api.server_filters import filter_of
from services.api.views import security_groups
from services.api.views import servers as views
from services.api.views.links import next_link, thing_links


class ServersController:
    """Reads from the database; what changes goes through the conductor and the host."""

    def __init__(
        self,
        db: Database,
        booter: Booter,
        asking: Asking,
        *,
        max_limit: int,
        down_time_s: float,
    ) -> None:
        self._down_time_s = down_time_s
        self._db = db
        self._booter = booter
        self._asking = asking
        self._max_limit = max_limit

    # ------------------------------------------------------------------------------- reading

    @api(query=queries.servers)
    def index(self, req: Request) -> Json:
        """List ids and names."""
        rule = "os_compute_api:servers:index"
        authorize(req.context, rule)
        wanted = filter_of(req, max_limit=self._max_limit, rule=rule)
        found = instances.list_names(self._db, wanted)
        shown = [views.brief(req, uuid, name) for uuid, name in found]
        return {"servers": shown, **_links(req, [uuid for uuid, _ in found], wanted.limit)}

    @api(query=queries.servers)
    def detail(self, req: Request) -> Json:
        """List servers in full."""
        rule = "os_compute_api:servers:detail"
        authorize(req.context, rule)
        wanted = filter_of(req, max_limit=self._max_limit, rule=rule)
        with self._db.read():
            found = instances.list_instances(self._db, wanted, with_request=req.since(2, 98))
            shown = self._full(req, found)
        return {"servers": shown, **_links(req, [one.uuid for one in found], wanted.limit)}

    def _full(
        self, req: Request, found: list[Instance], groups: tuple[str, ...] | None = None
    ) -> list[Json]:
        faults = instances.get_faults(
            self._db, [one.uuid for one in found if one.vm_state is VmState.ERROR]
        )
        uuids = [one.uuid for one in found]
        volumes = volume_reads.attached_volumes(self._db, uuids)
        known_tags = tags.tags_of(self._db, uuids) if req.since(2, 26) else {}
        state_of = host_states(self._db, req, down_time_s=self._down_time_s)
        network = server_network.read_network(self._db, found)
        return [
            views.full(
                req, one,
                views.Beside(
                    fault=faults.get(one.uuid), volumes=volumes.get(one.uuid, ()),
                    tags=known_tags.get(one.uuid, ()),
                    host_status=state_of(one),
                    group_ids=groups, network=network,
                ),
            )
            for one in found
        ]  # fmt: skip

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one server in full."""
        with self._db.read():
            instance = self._get(req, id, "os_compute_api:servers:show")
            return {"server": self._shown(req, instance)}

    def _shown(self, req: Request, instance: Instance) -> Json:
        groups = server_groups.groups_of(self._db, instance.uuid) if req.since(2, 71) else ()
        return self._full(req, [instance], groups)[0]

    def _get(self, req: Request, uuid: str, rule: str) -> Instance:
        """Return a server that the caller may do this to. Raises NotFound, Forbidden."""
        found = instances.get_instance(self._db, uuid, project_id=visible_project(req.context))
        authorize(req.context, rule, project_id=found.project_id)
        return found

    def security_groups(self, req: Request, id: str) -> Json:  # noqa: A002
        """List the security groups that a server's ports are in."""
        instance = self._get(req, id, "os_compute_api:os-security-groups:list")
        found = server_network.groups_of_server(self._db, instance.uuid)
        names = {group.id: group.name for group in found}
        return {"security_groups": [security_groups.group(one, names) for one in found]}

    def boot_trace(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show the steps of a server's last build, with the process that did each."""
        instance = self._get(req, id, "os_compute_api:devstack-lite:boot-trace")
        attempt, records = instances.list_boot_steps(self._db, instance.uuid)
        table = {step.number: step for step in STEPS}
        started = min((one.start for one in records if one.step > 1), default=0.0)
        ended = max((one.start + one.duration_s for one in records), default=0.0)
        return {
            "boot_trace": {
                "server_id": instance.uuid,
                "name": instance.name,
                "status": views.full(req, instance)["status"],
                "attempt": attempt,
                "request_id": instance.request_id,
                "started_at": clock.from_epoch(started).isoformat(),
                "elapsed_s": max(0.0, ended - started),
                "steps": [
                    {
                        "step": one.step,
                        "what": table[one.step].what,
                        "how": table[one.step].how,
                        "service": one.service,
                        "host": one.host,
                        "pid": one.pid,
                        "worker": one.worker,
                        "start": clock.from_epoch(one.start).isoformat(),
                        "offset_s": one.start - started,
                        "duration_s": one.duration_s,
                        "outcome": one.outcome,
                        "detail": one.detail,
                    }
                    for one in records
                ],
            }
        }

    # ------------------------------------------------------------------------------ changing

    @api(status=202, body=schemas.create)
    def create(self, req: Request, body: Json) -> Reply:
        """Boot one or more servers: steps 2 to 5."""
        server = body["server"]
        counts_of(server)
        require_member(req.context, "os_compute_api:servers:create")
        hints = body.get("os:scheduler_hints") or body.get("OS-SCH-HNT:scheduler_hints") or {}
        made = self._booter.boot(
            req.context,
            _supported(req, server),
            hints,
            started_at=float(req.environ[STARTED]),
            issued=req.environ.get(ISSUED),
            validated=req.environ.get(VALIDATED),
        )
        if is_true(server.get("return_reservation_id")):
            return Reply(body={"reservation_id": made[0].reservation_id}, status=202)
        first = made[0].uuid
        links = thing_links(req, "servers", first)
        shown = {
            "id": first,
            "links": links,
            "OS-DCF:diskConfig": views.disk_config(made[0]),
            "security_groups": server.get("security_groups") or [{"name": "default"}],
            "adminPass": server.get("adminPass") or secrets.token_urlsafe(9),
        }
        return Reply(body={"server": shown}, status=202, headers={"Location": links[0]["href"]})

    @api(body=schemas.update)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Rename a server, change its access addresses, pin it to its zone or unpin it."""
        instance = self._get(req, id, "os_compute_api:servers:update")
        server = body["server"]
        values: Json = {
            column: server[key].strip() if server[key] is not None else None
            for key, column in (
                ("name", "name"),
                ("accessIPv4", "access_ip_v4"),
                ("accessIPv6", "access_ip_v6"),
                ("description", "description"),
                ("hostname", "hostname"),
            )
            if key in server
        }
        if "OS-DCF:diskConfig" in server:
            values["auto_disk_config"] = server["OS-DCF:diskConfig"] == "AUTO"
        if "pinned_availability_zone" in server:
            values["requested_zone"] = server["pinned_availability_zone"]
        changed = self._asking.instances.update_instance(
            req.context, uuid=instance.uuid, values=values
        )
        return {"server": views.changed(req, self._shown(req, changed))}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Delete a server, whatever it does."""
        seen = self._get(req, id, "os_compute_api:servers:delete")
        deferred_deletes.delete(req, self._asking, seen)


_DEVICES = {"block_device_mapping", "block_device_mapping_v2"}
_RULE = "os_compute_api:servers:create"


def _supported(req: Request, server: Json) -> Json:
    """Return a body. Raises Invalid for what is not supported, Forbidden for what is others'."""
    for rule, is_asked in (
        (f"{_RULE}:attach_network", server.get("networks") not in (None, "auto", "none")),
        (f"{_RULE}:attach_volume", bool(_DEVICES & server.keys())),
        (f"{_RULE}:trusted_certs", "trusted_image_certificates" in server),
        (REQUESTED_DESTINATION, bool({"host", "hypervisor_hostname"} & server.keys())),
    ):
        if is_asked:
            authorize(req.context, rule)
    if server.get("trusted_image_certificates"):
        raise Invalid("Trusted image certificates are not supported: images are not signed here.")
    return server


def _links(req: Request, uuids: list[str], limit: int) -> Json:
    """Return the link to the next page, where this one is full."""
    if not uuids or len(uuids) < limit:
        return {}
    return {"servers_links": next_link(req, uuids[-1])}
