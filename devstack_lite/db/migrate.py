"""Bringing a database to the newest schema, by Alembic.

    python -m devstack_lite.db.migrate revision "what changes"

writes the next revision from the difference between the migrations and schema.py. Until the first
release the first one may be made anew instead: remove its file, then run this for "The first
tables" and format what it wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from devstack_lite.db.engine import make_engine

SCRIPTS = Path(__file__).parent / "migrations"

HEAD = "0021"
"""The newest revision; a test holds it against the folder. A database that is there already needs
no Alembic, whose import alone takes a quarter of a second."""


def migrate(engine: Engine) -> bool:
    """Bring the database to the newest revision; return whether anything had to be done."""
    if current_revision(engine) == HEAD:
        return False
    from alembic import command

    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            # Else each statement commits by itself, and a start that is killed in between leaves
            # tables that the next one stumbles over. PostgreSQL does so anyway; MariaDB cannot.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        command.upgrade(alembic_config(connection), "head")
    return True


def make_database(url: str) -> None:
    """Make the database that the URL names on its server, unless it is there.

    Raises what the connection to it raised when it cannot be made either. SQLite makes its file by
    itself.
    """
    parsed = sa.make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return
    try:
        with _autocommit(parsed) as connection:
            connection.exec_driver_sql("SELECT 1")
    except sa.exc.OperationalError as refused:
        neighbour = parsed.set(database="postgres" if backend == "postgresql" else "")
        try:
            with _autocommit(neighbour) as connection:
                quoted = connection.dialect.identifier_preparer.quote(str(parsed.database))
                connection.exec_driver_sql(f"CREATE DATABASE {quoted}")
        except sa.exc.SQLAlchemyError:
            raise refused from None


@contextmanager
def _autocommit(url: sa.URL) -> Iterator[Connection]:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def current_revision(engine: Engine) -> str | None:
    """Return the database's revision; None when it has none."""
    if not sa.inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return str(row[0]) if row else None


def alembic_config(connection: Any) -> Any:
    """Return Alembic's configuration on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config


def write_revision(message: str) -> None:
    """Write the next revision from what schema.py has and the migrations do not."""
    from alembic import command
    from alembic.script import ScriptDirectory

    engine = make_engine("sqlite:///:memory:")
    with engine.connect() as connection:
        config = alembic_config(connection)
        command.upgrade(config, "head")
        count = len(list(ScriptDirectory.from_config(config).walk_revisions()))
        command.revision(config, message=message, autogenerate=True, rev_id=f"{count + 1:04}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "revision":
        sys.exit(__doc__)
    write_revision(sys.argv[2])
