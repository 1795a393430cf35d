"""Endpoints that packages bring into the conductor, with tables of their own.

An entry point in `devstack_lite.conductor.endpoints` names a class like those in
services/conductor/endpoints: made with the database to write, a `target` with a namespace, a method
for each message. With `tables`, a sqlalchemy.MetaData, it has tables; they are made at the start.
So what a package writes goes through the one writer, and its api side asks for it by RPC.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import sys
from typing import Any

import sqlalchemy as sa

from devstack_lite.db import schema
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Unavailable
from devstack_lite.plugins import Plugin, discover
from services.conductor import endpoints

LOG = logging.getLogger(__name__)

NAMESPACE = "devstack_lite.conductor.endpoints"


def reserved() -> frozenset[str]:
    """Return the namespaces of the conductor's own endpoints."""
    found = (
        importlib.import_module(f"{endpoints.__name__}.{module.name}")
        for module in pkgutil.iter_modules(endpoints.__path__)
    )
    return frozenset(
        one.target.namespace
        for module in found
        for one in vars(module).values()
        if isinstance(one, type) and hasattr(one, "target")
    )


def find() -> list[Plugin]:
    """Return what is installed, each usable or with its problem."""
    namespaces = dict.fromkeys(reserved(), "the conductor itself")
    tables = dict.fromkeys(schema.metadata.tables, "the conductor itself")
    found = []
    for plugin in discover(NAMESPACE):
        problem = plugin.problem or _problem_of(plugin.loaded, namespaces, tables)
        if problem:
            found.append(plugin.with_problem(problem))
            continue
        namespaces[plugin.loaded.target.namespace] = str(plugin)
        tables |= dict.fromkeys(_tables_of(plugin), str(plugin))
        found.append(plugin)
    return found


def _problem_of(loaded: Any, namespaces: dict[str, str], tables: dict[str, str]) -> str:
    if not isinstance(loaded, type):
        return "it is no class"
    namespace = getattr(getattr(loaded, "target", None), "namespace", None)
    if not namespace:
        return "its target has no namespace"
    if namespace in namespaces:
        return f"the namespace {namespace} is that of {namespaces[namespace]}"
    own = getattr(loaded, "tables", None)
    twice = sorted(set(own.tables) & set(tables)) if own is not None else []
    return f"the table {twice[0]} is that of {tables[twice[0]]}" if twice else ""


def _tables_of(plugin: Plugin) -> tuple[str, ...]:
    tables = getattr(plugin.loaded, "tables", None)
    return tuple(tables.tables) if tables is not None else ()


def prepare(db: Database) -> None:
    """Say what is left out, and make the tables of the others. Once per start, before the forks."""
    for plugin in find():
        if plugin.problem:
            _say(f"the endpoint {plugin} is left out: {plugin.problem}")
            continue
        LOG.info("endpoint %s: %s", plugin.loaded.target.namespace, plugin)
        try:
            make_tables(db, plugin)
        except (sa.exc.SQLAlchemyError, Unavailable) as error:
            _say(f"the tables of {plugin} could not be made: {error}")
    db.engine.dispose()


def make_tables(db: Database, plugin: Plugin) -> None:
    """Make the tables that a package has and the database has not. May be done twice."""
    tables = getattr(plugin.loaded, "tables", None)
    if tables is None:
        return
    try:
        tables.create_all(db.engine)
    except sa.exc.DBAPIError:
        # Another conductor's launcher may have been quicker between the look and the making.
        if set(tables.tables) - set(sa.inspect(db.engine).get_table_names()):
            raise


def make(db: Database) -> list[Any]:
    """Return the endpoints that can be made, for one worker; the others have a line in the log."""
    made = []
    for plugin in find():
        if plugin.problem:
            continue
        try:
            made.append(plugin.loaded(db))
        except Exception as error:
            LOG.exception("the endpoint %s is left out: %s", plugin, error)  # noqa: TRY401
    return made


def _say(sentence: str) -> None:
    LOG.error("%s", sentence)
    sys.stderr.write(f"conductor: {sentence}\n")
