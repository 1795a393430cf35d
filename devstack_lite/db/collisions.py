"""Transactions that take what others may take at the same moment: an address, a name, an id."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict

LOG = logging.getLogger(__name__)

T = TypeVar("T")

COLLISIONS = 5
"""How often a transaction that collided with another one is begun anew. SQLite's never collide: its
writers come one after the other."""


def retried(db: Database, work: Callable[[Connection], T]) -> T:
    """Do work in one transaction, anew when another one took what it wanted. Raises Conflict."""
    for _ in range(COLLISIONS):
        try:
            with db.write() as connection:
                return work(connection)
        except IntegrityError as error:
            # Another transaction took an address or an id meanwhile: look again.
            last = error
    LOG.warning("gave up after %d collisions: %s", COLLISIONS, last)
    raise Conflict("The ports collide with others that are being made.", kind="port") from last
