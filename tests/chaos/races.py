"""Races for what a node has, on a database server."""

from __future__ import annotations

from collections.abc import Callable

from devstack_lite.context import RequestContext
from devstack_lite.db import hosts, migrate, schema
from devstack_lite.db.claims import NODE_VERSION
from devstack_lite.db.engine import Database
from tests.unit.conftest import make_node


def race_on(url: str, race: Callable[[Database, RequestContext], None]) -> None:
    """Run a race in a database of its own, beside the one of url, with one node in it."""
    own = url.replace("/devstack", f"/{race.__name__}")
    migrate.make_database(own)
    db = Database(own)
    try:
        migrate.migrate(db.engine)
        with db.write() as connection:
            connection.execute(schema.counters.insert().values(name=NODE_VERSION, value=0))
        hosts.report_nodes(db, [make_node("host1")])
        race(db, RequestContext(user_id="u", project_id="p", roles=["member"]))
    finally:
        db.engine.dispose()
