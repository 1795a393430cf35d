"""Leases: one of many does a thing, until it stops saying that it does."""

from __future__ import annotations

import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import leases


def take_lease(db: Database, name: str, holder: str, *, seconds: float) -> bool:
    """Take or keep a lease for so many seconds; False while somebody else has it.

    One transaction, atomic: of any number that try at once, one gets it.
    """
    now = utcnow()
    until = now + datetime.timedelta(seconds=seconds)
    own = leases.c
    with db.read() as connection:
        row = connection.execute(sa.select(leases).where(own.name == name)).one_or_none()
    if row is not None and row.holder != holder and row.expires_at > now:
        return False
    change = (
        leases.update()
        .where(own.name == name, sa.or_(own.holder == holder, own.expires_at <= now))
        .values(holder=holder, expires_at=until)
    )
    try:
        with db.write() as connection:
            if connection.execute(change).rowcount:
                return True
            if row is not None:
                return False
            connection.execute(leases.insert().values(name=name, holder=holder, expires_at=until))
    except IntegrityError:
        return False
    return True
