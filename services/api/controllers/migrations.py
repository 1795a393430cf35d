"""/os-migrations and /servers/{id}/migrations."""

from __future__ import annotations

import zlib

from devstack_lite import clock
from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.db.migration_reads import IN_PROGRESS, LIVE, Migration, list_migrations
from devstack_lite.exceptions import Invalid, NotFound
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.paging import page_of
from services.api.policy import allows, require_admin, require_manager, visible_project
from services.api.schemas import moves as schemas
from services.api.schemas import queries
from services.api.server_filters import check_span, is_between
from services.api.views.links import next_link, thing_links
from services.compute.rpcapi import ComputeAPI

FILTERS = ("instance_uuid", "migration_type", "source_compute", "status")
LATER_FILTERS = ("project_id", "user_id")
"""From 2.80 on; project_id in all: it is what a manager is allowed to see."""
_ALL = "os_compute_api:os-migrations:index"
_RULE = "os_compute_api:servers:migrations:"


class MigrationsController:
    """What moved servers, and what is moving them; a project's managers see its own, hostless."""

    def __init__(self, db: Database, compute: ComputeAPI, *, max_limit: int) -> None:
        self._max_limit = max_limit
        self._db = db
        self._compute = compute

    @api(query=queries.MIGRATIONS)
    def index(self, req: Request) -> Json:
        """List migrations, by host, status and others when asked."""
        require_manager(req.context, _ALL)
        if req.GET.get("project_id", "") != req.context.project_id:
            require_admin(req.context, "os_compute_api:os-migrations:index:all_projects")
        with_host = allows(req.context, "os_compute_api:os-migrations:index:host")
        names = (*FILTERS, *(LATER_FILTERS if req.since(2, 80) else ("project_id",)))
        wanted = {name: req.GET[name] for name in names if name in req.GET}
        found = list_migrations(self._db, host=req.GET.get("host"), **wanted)
        links: Json = {}
        if req.since(2, 59):
            check_span(req)
            changed = [one for one in found if is_between(req, one.updated_at or one.created_at)]
            found, has_more = page_of(changed, req, self._max_limit, lambda one: one.uuid)
            if has_more and found:
                links = {"migrations_links": next_link(req, found[-1].uuid)}
        return {"migrations": [_in_list(req, one, with_host=with_host) for one in found], **links}

    @api(since="2.23")
    def of_server(self, req: Request, server_id: str) -> Json:
        """List a server's live migrations that are not over."""
        found = self._live(req, server_id)
        require_manager(req.context, _RULE + "index")
        with_host = allows(req.context, _RULE + "index:host")
        return {"migrations": [_of_server(req, one, with_host=with_host) for one in found]}

    @api(since="2.23")
    def show(self, req: Request, server_id: str, id: str) -> Json:  # noqa: A002 - the route's name
        """Show a live migration that is not over."""
        require_admin(req.context, _RULE + "show")
        for one in self._live(req, server_id):
            if str(one.id) == id:
                return {"migration": _of_server(req, one, with_host=True)}
        raise NotFound(
            f"In-progress live migration {id} is not found for server {server_id}.",
            kind="migration",
        )

    @api(status=202, since="2.24")
    def delete(self, req: Request, server_id: str, id: str) -> None:  # noqa: A002
        """Abort a live migration; the guest goes on where it is."""
        self._end(req, server_id, id, "delete", "abort live migration", is_abort=True)

    @api(status=202, action="force_complete", body=schemas.FORCE_COMPLETE, since="2.22")
    def force_complete(self, req: Request, server_id: str, id: str, body: Json) -> None:  # noqa: A002
        """Have a live migration end at once."""
        self._end(req, server_id, id, "force_complete", "force complete", is_abort=False)

    def _end(
        self, req: Request, server_id: str, number: str, rule: str, what: str, *, is_abort: bool
    ) -> None:
        """Have the host that the guest leaves end it.

        Raises NotFound, Forbidden, Invalid, Conflict.
        """
        uuid = self._uuid(req, server_id)
        require_manager(req.context, _RULE + rule)
        found = [
            one
            for one in list_migrations(self._db, instance_uuid=uuid, migration_type=LIVE)
            if str(one.id) == number
        ]
        if not found:
            raise NotFound(f"Migration {number} not found for instance {uuid}", kind="migration")
        one = found[0]
        endable = ("queued", "preparing") if is_abort and req.since(2, 65) else ()
        if one.status not in ("running", *endable):
            raise Invalid(
                f"Migration {number} state of instance {uuid} is {one.status}. Cannot {what} while"
                " the migration is in this state."
            )
        self._compute.end_live_migration(
            req.context, host=one.source_compute, node=one.source_node, uuid=uuid,
            is_abort=is_abort,
        )  # fmt: skip

    def _live(self, req: Request, server_id: str) -> list[Migration]:
        return list_migrations(
            self._db, instance_uuid=self._uuid(req, server_id), migration_type=LIVE,
            status=IN_PROGRESS,
        )  # fmt: skip

    def _uuid(self, req: Request, server_id: str) -> str:
        project_id = visible_project(req.context)
        return instances.get_instance(self._db, server_id, project_id=project_id).uuid


def _places(req: Request, one: Migration, *, with_host: bool) -> Json:
    asked_by = {"user_id": one.user_id, "project_id": one.project_id}
    hosts = {
        "source_node": one.source_node,
        "source_compute": one.source_compute,
        "dest_node": one.dest_node,
        "dest_compute": one.dest_compute,
        "dest_host": one.dest_ip,
    }
    return {
        **({"uuid": one.uuid} if req.since(2, 59) else {}),
        **(asked_by if req.since(2, 80) else {}),
        "id": one.id,
        **(hosts if with_host else dict.fromkeys(hosts)),
        "status": one.status,
        "created_at": clock.to_micro(one.created_at),
        "updated_at": clock.to_micro(one.updated_at),
    }


def _in_list(req: Request, one: Migration, *, with_host: bool) -> Json:
    kind: Json = {}
    if req.since(2, 23):
        kind["migration_type"] = one.migration_type
        if one.migration_type == LIVE and one.status in IN_PROGRESS:
            path = f"servers/{one.instance_uuid}/migrations"
            kind["links"] = thing_links(req, path, str(one.id))
    return {
        **_places(req, one, with_host=with_host),
        **kind,
        "instance_uuid": one.instance_uuid,
        "old_instance_type_id": _number(one.old_flavor["id"]),
        "new_instance_type_id": _number(one.new_flavor["id"]),
    }


def _of_server(req: Request, one: Migration, *, with_host: bool) -> Json:
    progress = one.progress or {}
    return {
        **_places(req, one, with_host=with_host),
        "server_uuid": one.instance_uuid,
        **{
            f"{kind}_{part}_bytes": progress.get(f"{kind}_{part}_bytes")
            for kind in ("memory", "disk")
            for part in ("total", "processed", "remaining")
        },
    }


def _number(flavor_id: str) -> int:
    """Return the whole number by which Nova's database would know a flavor."""
    return int(flavor_id) if flavor_id.isdecimal() else zlib.crc32(flavor_id.encode()) >> 1
