"""/servers."""

from __future__ import annotations

import secrets

from devstack_lite import clock
from devstack_lite.db import instances, volume_reads
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import InstanceInvalidState
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import TaskState, VmState
from devstack_lite.steps import STEPS
from devstack_lite.wsgi.request import ISSUED, STARTED, VALIDATED, Reply, Request
from devstack_lite.wsgi.resource import api
from services.api.asking import ask_host
from services.api.boot import Booter
from services.api.policy import visible_project
from services.api.schemas import servers as schemas
from services.api.server_filters import filter_of
from services.api.views import servers as views
from services.api.views.links import next_link, thing_links
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.instances import InstancesAPI


class ServersController:
    """Reads from the database; what changes goes through the conductor and the host."""

    def __init__(
        self,
        db: Database,
        booter: Booter,
        conductor: InstancesAPI,
        compute: ComputeAPI,
        *,
        max_limit: int,
    ) -> None:
        self._db = db
        self._booter = booter
        self._conductor = conductor
        self._compute = compute
        self._max_limit = max_limit

    # ------------------------------------------------------------------------------- reading

    def index(self, req: Request) -> Json:
        """List ids and names."""
        found, links = self._list(req)
        return {"servers": [views.brief(req, instance) for instance in found], **links}

    def detail(self, req: Request) -> Json:
        """List servers in full."""
        found, links = self._list(req)
        return {"servers": self._full(req, found), **links}

    def _list(self, req: Request) -> tuple[list[Instance], Json]:
        wanted = filter_of(req, max_limit=self._max_limit)
        found = instances.list_instances(self._db, wanted)
        is_full_page = bool(found) and len(found) == wanted.limit
        return found, {"servers_links": next_link(req, found[-1].uuid)} if is_full_page else {}

    def _full(self, req: Request, found: list[Instance]) -> list[Json]:
        faults = instances.get_faults(
            self._db, [one.uuid for one in found if one.vm_state is VmState.ERROR]
        )
        volumes = volume_reads.attached_volumes(self._db, [one.uuid for one in found])
        return [
            views.full(req, one, faults.get(one.uuid), volumes.get(one.uuid, ())) for one in found
        ]

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one server in full."""
        return {"server": self._full(req, [self._get(req, id)])[0]}

    def _get(self, req: Request, uuid: str) -> Instance:
        return instances.get_instance(self._db, uuid, project_id=visible_project(req.context))

    def ips(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show a server's addresses."""
        shown = views.addresses(self._get(req, id))
        return {
            "addresses": {
                name: [{"version": entry["version"], "addr": entry["addr"]} for entry in entries]
                for name, entries in shown.items()
            }
        }

    def interfaces(self, req: Request, id: str) -> Json:  # noqa: A002
        """List a server's ports."""
        instance = self._get(req, id)
        return {
            "interfaceAttachments": [
                {
                    "port_id": port["port_id"],
                    "net_id": port["network_id"],
                    "mac_addr": port["mac"],
                    "port_state": "ACTIVE",
                    "fixed_ips": [
                        {"ip_address": ip["address"], "subnet_id": ip.get("subnet_id")}
                        for ip in port["ips"]
                    ],
                }
                for port in instance.network_info
            ]
        }

    def security_groups(self, req: Request, id: str) -> Json:  # noqa: A002
        """List a server's security groups: the default one of each port."""
        instance = self._get(req, id)
        group = {"id": "default", "name": "default", "description": "Default security group",
                 "tenant_id": instance.project_id, "rules": []}  # fmt: skip
        return {"security_groups": [group] if instance.network_info else []}

    def volume_attachments(self, req: Request, id: str) -> Json:  # noqa: A002
        """List a server's volumes."""
        instance = self._get(req, id)
        found = volume_reads.attached_volumes(self._db, [instance.uuid]).get(instance.uuid, ())
        return {
            "volumeAttachments": [
                {"id": volume, "volumeId": volume, "serverId": instance.uuid, "device": None}
                for volume in found
            ]
        }

    def boot_trace(self, req: Request, id: str) -> Json:  # noqa: A002
        """Show the steps of a server's last build, with the process that did each."""
        instance = self._get(req, id)
        attempt, records = instances.list_boot_steps(self._db, instance.uuid)
        table = {step.number: step for step in STEPS}
        started = min((one.start for one in records if one.step > 1), default=0.0)
        ended = max((one.start + one.duration_s for one in records), default=0.0)
        return {
            "boot_trace": {
                "server_id": instance.uuid,
                "name": instance.name,
                "status": views.full(req, instance, None)["status"],
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

    @api(status=202, body=schemas.CREATE)
    def create(self, req: Request, body: Json) -> Reply:
        """Boot one or more servers: steps 2 to 5."""
        server = body["server"]
        hints = body.get("os:scheduler_hints") or body.get("OS-SCH-HNT:scheduler_hints") or {}
        made = self._booter.boot(
            req.context,
            server,
            hints,
            started_at=float(req.environ[STARTED]),
            issued=req.environ.get(ISSUED),
            validated=req.environ.get(VALIDATED),
        )
        if server.get("return_reservation_id") in {True, "true", "True", "1"}:
            return Reply(body={"reservation_id": made[0].reservation_id}, status=202)
        first = made[0].uuid
        links = thing_links(req, "servers", first)
        shown = {
            "id": first,
            "links": links,
            "OS-DCF:diskConfig": server.get("OS-DCF:diskConfig", "MANUAL"),
            "security_groups": server.get("security_groups") or [{"name": "default"}],
            "adminPass": server.get("adminPass") or secrets.token_urlsafe(9),
        }
        return Reply(body={"server": shown}, status=202, headers={"Location": links[0]["href"]})

    @api(body=schemas.UPDATE)
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Rename a server, or change its access addresses."""
        instance = self._get(req, id)
        server = body["server"]
        changed = self._conductor.update_instance(
            req.context,
            uuid=instance.uuid,
            values={
                column: server[key].strip()
                for key, column in (
                    ("name", "name"),
                    ("accessIPv4", "access_ip_v4"),
                    ("accessIPv6", "access_ip_v6"),
                )
                if key in server
            },
        )
        return {"server": self._full(req, [changed])[0]}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Delete a server, whatever it does."""
        uuid = self._get(req, id).uuid
        instance = self._conductor.begin_delete(req.context, uuid=uuid)
        if instance.deleted_at is None:
            ask_host(self._compute, req.context, instance)

    @api(status=202, action="os-stop")
    def stop(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Shut a server down."""
        self._change_power(
            req, id, action="stop", event="compute_stop_instance",
            vm_states=(VmState.ACTIVE, VmState.ERROR), task_state=TaskState.POWERING_OFF,
        )  # fmt: skip

    @api(status=202, action="os-start")
    def start(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Start a server that is stopped."""
        self._change_power(
            req, id, action="start", event="compute_start_instance",
            vm_states=(VmState.STOPPED,), task_state=TaskState.POWERING_ON,
        )  # fmt: skip

    @api(status=202, action="reboot", body=schemas.REBOOT)
    def reboot(self, req: Request, id: str, body: Json) -> None:  # noqa: A002
        """Restart a server, gently (SOFT) or not (HARD)."""
        is_hard = body["reboot"]["type"].upper() == "HARD"
        self._change_power(
            req, id, action="reboot", event="compute_reboot_instance",
            vm_states=(
                (VmState.ACTIVE, VmState.STOPPED, VmState.ERROR) if is_hard else (VmState.ACTIVE,)
            ),
            task_state=TaskState.REBOOTING_HARD if is_hard else TaskState.REBOOTING,
        )  # fmt: skip

    def _change_power(
        self,
        req: Request,
        uuid: str,
        *,
        action: str,
        event: str,
        vm_states: tuple[VmState, ...],
        task_state: TaskState,
    ) -> None:
        seen = self._get(req, uuid)
        if seen.host is None:
            raise InstanceInvalidState.of(
                seen.uuid, action=action, attribute="vm_state", state=seen.vm_state
            )
        instance = self._conductor.begin_action(
            req.context, uuid=seen.uuid, action=action, event=event, vm_states=vm_states,
            task_state=task_state,
        )  # fmt: skip
        ask_host(self._compute, req.context, instance)
