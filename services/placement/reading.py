"""What every controller of placement starts from: the nodes, and which aggregates they are in."""

from __future__ import annotations

import email.utils
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from devstack_lite.db import aggregates, hosts, placements
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.compute import ComputeNode
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.versions import ApiVersion

CACHE_HEADERS = ApiVersion(1, 15)


class Reading:
    """Reads the database; nothing is kept between requests."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def node(self, node_id: str) -> ComputeNode:
        """Return a node by the provider's uuid. Raises NotFound."""
        found = placements.find_node(self.db, node_id)
        if found is None:
            raise NotFound(
                f"The resource could not be found.\n\n No resource provider with uuid {node_id}"
                " found  "
            )
        return found

    def nodes(self) -> list[ComputeNode]:
        """Return every node, by name."""
        return list(hosts.list_nodes(self.db))

    def aggregates(self) -> Mapping[str, list[str]]:
        """Return the uuids of the aggregates that each host is in."""
        found: dict[str, list[str]] = defaultdict(list)
        for one in aggregates.list_aggregates(self.db):
            for host in one.hosts:
                found[host].append(one.uuid)
        return found


def reply(req: Request, body: Any, status: int = 200) -> Reply:
    """Return an answer; since 1.15 it says that it is of now, and not to be kept."""
    if req.api_version < CACHE_HEADERS:
        return Reply(body=body, status=status)
    now = email.utils.formatdate(usegmt=True)
    headers = {"Last-Modified": now, "Cache-Control": "no-cache"}
    return Reply(body=body, status=status, headers=headers)
