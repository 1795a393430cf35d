"""The migrations lead to the tables that schema.py declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from devstack_lite.db import migrate, schema
from devstack_lite.db.engine import make_engine


def test_migrated_database_is_the_declared_one(tmp_path: Path) -> None:
    """A migrated database is what is declared; migrating it again does nothing."""
    engine = make_engine(f"sqlite:///{tmp_path}/x.sqlite")
    assert migrate.migrate(engine)
    assert not migrate.migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_migration_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that ends in the middle leaves no table behind, so that it can be run again."""
    engine = make_engine(f"sqlite:///{tmp_path}/x.sqlite")

    def create_some_and_fail(*_arguments: Any) -> None:
        real(*_arguments)
        raise RuntimeError("killed")

    real = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", create_some_and_fail)
        with pytest.raises(RuntimeError, match="killed"):
            migrate.migrate(engine)
    assert sa.inspect(engine).get_table_names() == []
    assert migrate.migrate(engine)
    engine.dispose()


def test_head_is_the_newest_revision() -> None:
    """The constant that saves Alembic's import is not behind the folder."""
    with make_engine("sqlite:///:memory:").connect() as connection:
        scripts = ScriptDirectory.from_config(migrate.alembic_config(connection))
        assert scripts.get_current_head() == migrate.HEAD
