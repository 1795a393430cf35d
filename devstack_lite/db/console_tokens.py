"""Tokens by which a console's proxy learns where to connect to; their hashes alone are kept."""

from __future__ import annotations

import datetime
import hashlib

import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import instances
from devstack_lite.db.schema_compute import console_tokens
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.console import Console

_COLUMNS = ("instance_uuid", "console_type", "node", "host", "port")


def record_console(db: Database, *, token: str, console: Console, lasts_s: float) -> None:
    """Keep where a token leads for so long, and forget those that are over. One transaction.

    Delivered twice: the same.
    """
    now = utcnow()
    own = console_tokens.c
    with db.write() as connection:
        connection.execute(
            console_tokens.delete().where(
                sa.or_(own.expires_at <= now, own.token_hash == _hash(token))
            )
        )
        connection.execute(
            console_tokens.insert().values(
                token_hash=_hash(token),
                expires_at=now + datetime.timedelta(seconds=lasts_s),
                **{name: getattr(console, name) for name in _COLUMNS},
            )
        )


def find_console(db: Database, token: str) -> Console:
    """Return where a token leads, while its instance is on the node that it was asked for on.

    Raises NotFound.
    """
    own = console_tokens.c
    query = (
        sa.select(*(own[name] for name in _COLUMNS))
        .join(instances, instances.c.uuid == own.instance_uuid)
        .where(
            own.token_hash == _hash(token),
            own.expires_at > utcnow(),
            instances.c.node == own.node,
            instances.c.deleted_at.is_(None),
        )
    )
    with db.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("Token not found", kind="console")
    return Console(**row._mapping)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
