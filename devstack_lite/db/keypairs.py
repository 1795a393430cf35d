"""Key pairs: a user's public keys by name."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import keypairs
from devstack_lite.exceptions import Conflict, NotFound, QuotaExceeded
from devstack_lite.objects.compute import Keypair


def _keypair(row: Any) -> Keypair:
    return Keypair(**row._mapping)


def list_keypairs(db: Database, *, user_id: str) -> list[Keypair]:
    """Return the user's key pairs by name. One read."""
    query = sa.select(keypairs).where(keypairs.c.user_id == user_id).order_by(keypairs.c.name)
    with db.read() as connection:
        return [_keypair(row) for row in connection.execute(query)]


def get_keypair(db: Database, *, user_id: str, name: str) -> Keypair:
    """Return one key pair. Raises NotFound."""
    query = sa.select(keypairs).where(keypairs.c.user_id == user_id, keypairs.c.name == name)
    with db.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Keypair {name} not found for user {user_id}", kind="keypair")
    return _keypair(row)


def create_keypair(db: Database, *, keypair: Keypair, limit: int) -> Keypair:
    """Record a key pair, of which a user may have limit (-1: any number). One transaction.

    Raises Conflict when the user has one of that name, QuotaExceeded.
    """
    made = replace(keypair, created_at=utcnow())
    count = sa.select(sa.func.count()).where(keypairs.c.user_id == keypair.user_id)
    try:
        with db.write() as connection:
            if 0 <= limit <= connection.execute(count).scalar_one():
                raise QuotaExceeded("Quota exceeded, too many key pairs.", kind="keypair")
            connection.execute(keypairs.insert().values(asdict(made)))
    except IntegrityError as error:
        raise Conflict(f"Key pair '{keypair.name}' already exists.", kind="keypair") from error
    return made


def delete_keypair(db: Database, *, user_id: str, name: str) -> None:
    """Remove a key pair. One transaction. Raises NotFound."""
    where = (keypairs.c.user_id == user_id, keypairs.c.name == name)
    with db.write() as connection:
        if connection.execute(keypairs.delete().where(*where)).rowcount == 0:
            raise NotFound(f"Keypair {name} not found for user {user_id}", kind="keypair")
