"""Serves services.conductor.rpcapi.hosts."""

from __future__ import annotations

from collections.abc import Sequence

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import hosts
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import ComputeNode


class Hosts:
    """Each method is one transaction; delivered twice, the rows are the same."""

    target = oslo_messaging.Target(namespace="hosts", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def report_service(
        self, context: RequestContext, *, binary: str, host: str, topic: str, availability_zone: str
    ) -> None:
        """Note a sign of life."""
        hosts.report_service(
            self._db, binary=binary, host=host, topic=topic, availability_zone=availability_zone
        )

    def report_nodes(self, context: RequestContext, *, nodes: Sequence[ComputeNode]) -> None:
        """Record what a host's nodes have."""
        hosts.report_nodes(self._db, nodes)
