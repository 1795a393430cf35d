"""Serves services.conductor.rpcapi.instance_facts."""

from __future__ import annotations

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.db import instance_facts
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.facts import InstanceFacts


class InstanceFactsReader:
    """Reads alone, so that it may be asked as often as anybody likes."""

    target = oslo_messaging.Target(namespace="instance_facts", version="1.0")

    def __init__(self, db: Database) -> None:
        self._db = db

    def read_facts(self, context: RequestContext, *, instance: Instance) -> InstanceFacts:
        """Read them."""
        return instance_facts.read_facts(self._db, instance)
