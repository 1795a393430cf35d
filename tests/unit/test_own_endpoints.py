"""Endpoints that packages bring into the conductor: which are served, and their tables."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import oslo_messaging
import pytest
import sqlalchemy as sa

import services.conductor.rpcapi
from devstack_lite.db.engine import Database
from devstack_lite.plugins import Plugin
from services.conductor import own_endpoints

TABLES = sa.MetaData()
sa.Table("package_things", TABLES, sa.Column("id", sa.Integer, primary_key=True))

CLASHING = sa.MetaData()
sa.Table("instances", CLASHING, sa.Column("id", sa.Integer, primary_key=True))


def endpoint(namespace: str | None, tables: Any = None) -> Plugin:
    class Things:
        target = oslo_messaging.Target(namespace=namespace, version="1.0")

        def __init__(self, db: Database) -> None:
            self.db = db

    if tables is not None:
        Things.tables = tables  # type: ignore[attr-defined]
    return plugin(Things, name=f"of-{namespace}")


def plugin(loaded: Any, *, name: str = "thing", problem: str = "") -> Plugin:
    return Plugin(
        namespace=own_endpoints.NAMESPACE, name=name, source="a:B", loaded=loaded,
        problem=problem,
    )  # fmt: skip


def offer(monkeypatch: pytest.MonkeyPatch, *plugins: Plugin) -> None:
    monkeypatch.setattr(own_endpoints, "discover", lambda _namespace: list(plugins))


def test_the_conductors_own_namespaces_are_reserved() -> None:
    """They are the namespaces that its interfaces have."""
    asked = set()
    for info in pkgutil.iter_modules(services.conductor.rpcapi.__path__):
        module = importlib.import_module(f"services.conductor.rpcapi.{info.name}")
        asked |= {getattr(one, "NAMESPACE", None) for one in vars(module).values()}
    assert asked - {None} == own_endpoints.reserved()


def test_tables_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each start, and what is there stays."""
    db = Database(f"sqlite:///{tmp_path}/cloud.sqlite")
    offer(monkeypatch, endpoint("things", TABLES))
    own_endpoints.prepare(db)
    with db.write() as connection:
        connection.execute(TABLES.tables["package_things"].insert().values(id=7))
    own_endpoints.prepare(db)
    with db.read() as connection:
        assert connection.execute(sa.select(TABLES.tables["package_things"])).all() == [(7,)]
    [made] = own_endpoints.make(db)
    assert made.db is db


def test_what_is_left_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A namespace or a table that is another's, no namespace, no class: a sentence each."""
    offer(
        monkeypatch, plugin(None, problem="it cannot be imported (ImportError: x)"), plugin(7),
        endpoint(None), endpoint("builds"), endpoint("a", CLASHING), endpoint("b", TABLES),
        endpoint("b"), endpoint("c", TABLES),
    )  # fmt: skip
    db = Database(f"sqlite:///{tmp_path}/cloud.sqlite")
    own_endpoints.prepare(db)
    says = "conductor: the endpoint {} (a:B) is left out: {}".format
    assert capsys.readouterr().err.splitlines() == [
        says("thing", "it cannot be imported (ImportError: x)"),
        says("thing", "it is no class"),
        says("of-None", "its target has no namespace"),
        says("of-builds", "the namespace builds is that of the conductor itself"),
        says("of-a", "the table instances is that of the conductor itself"),
        says("of-b", "the namespace b is that of of-b (a:B)"),
        says("of-c", "the table package_things is that of of-b (a:B)"),
    ]
    assert [one.target.namespace for one in own_endpoints.make(db)] == ["b"]


def test_one_that_fails_when_made_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The others serve, and the log says which and why."""

    class Failing:
        target = oslo_messaging.Target(namespace="failing", version="1.0")

        def __init__(self, db: Database) -> None:
            raise OSError("no room")

    offer(monkeypatch, plugin(Failing, name="failing"), endpoint("things"))
    db = Database(f"sqlite:///{tmp_path}/cloud.sqlite")
    assert [one.target.namespace for one in own_endpoints.make(db)] == ["things"]
    assert "the endpoint failing (a:B) is left out: no room" in caplog.text
