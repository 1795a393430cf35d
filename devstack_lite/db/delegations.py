"""Application credentials, trusts and other credentials."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema_identity import application_credentials, credentials, trusts
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.objects.delegation import ApplicationCredential, Credential, Trust
from devstack_lite.objects.registry import Json

Thing = TypeVar("Thing", ApplicationCredential, Trust, Credential)

TABLES: dict[type[Any], tuple[sa.Table, str]] = {
    ApplicationCredential: (application_credentials, "application credential"),
    Trust: (trusts, "trust"),
    Credential: (credentials, "credential"),
}
"""Each kind's table, and what Keystone calls it."""


def get(db: Database, kind: type[Thing], thing_id: str) -> Thing:
    """Return one by id; of a trust also one that is used up or has expired. Raises NotFound."""
    found = list_where(db, kind, id=thing_id)
    if not found:
        raise _missing(kind, thing_id)
    return found[0]


def list_where(db: Database, kind: type[Thing], **wanted: str | None) -> list[Thing]:
    """Return those whose columns are as wanted, by id; None is no condition."""
    own = TABLES[kind][0]
    query = sa.select(own).order_by(own.c.id)
    for name, value in wanted.items():
        if value is not None:
            query = query.where(own.c[name] == value)
    with db.read() as connection:
        return [_made(kind, row) for row in connection.execute(query)]


def _made(kind: type[Thing], row: Any) -> Thing:
    values = dict(row._mapping)
    if "role_ids" in values:
        values["role_ids"] = tuple(values["role_ids"])
    return kind(**values)


def _missing(kind: type[Any], thing_id: str) -> NotFound:
    noun = TABLES[kind][1]
    return NotFound(f"Could not find {noun}: {thing_id}.", kind=noun)


def is_usable(trust: Trust) -> bool:
    """Say whether one more token may be got by a trust."""
    return trust.remaining_uses != 0 and not has_expired(trust)


def has_expired(thing: ApplicationCredential | Trust) -> bool:
    """Say whether its end has come."""
    return thing.expires_at is not None and thing.expires_at <= utcnow()


def create(db: Database, thing: Thing) -> Thing:
    """Record one. One transaction. Raises Conflict when the user has one of this name or key.

    Delivered twice: answers with what the first recorded.
    """
    kind = type(thing)
    own, noun = TABLES[kind]
    values = asdict(thing)
    if "role_ids" in values:
        values["role_ids"] = list(values["role_ids"])
    try:
        with db.write() as connection:
            connection.execute(own.insert().values(values))
    except IntegrityError as error:
        found = list_where(db, kind, id=thing.id)
        if found and found[0] == thing:
            return thing
        name = getattr(thing, "name", thing.id)
        raise Conflict(
            f"Conflict occurred attempting to store {noun} - Duplicate entry found with name"
            f" {name}.",
            kind=noun,
        ) from error
    return thing


def update_credential(db: Database, credential_id: str, values: Json) -> Credential:
    """Change columns of a credential. One transaction. Raises NotFound."""
    own = credentials.c
    known = {one.name for one in fields(Credential)} - {"id"}
    change = credentials.update().where(own.id == credential_id)
    with db.write() as connection:
        wanted = {name: value for name, value in values.items() if name in known}
        if wanted:
            connection.execute(change.values(wanted))
        row = connection.execute(sa.select(credentials).where(own.id == credential_id)).first()
    if row is None:
        raise _missing(Credential, credential_id)
    return _made(Credential, row)


def delete(db: Database, kind: type[Thing], thing_id: str) -> None:
    """Remove one; tokens got by it are worth nothing. One transaction. Raises NotFound."""
    own = TABLES[kind][0]
    with db.write() as connection:
        if not connection.execute(own.delete().where(own.c.id == thing_id)).rowcount:
            raise _missing(kind, thing_id)


def use_trust(db: Database, trust_id: str) -> None:
    """Count one use of a trust whose uses are counted. One transaction.

    Raises NotFound when none is left, or the trust is gone.
    """
    own = trusts.c
    change = (
        trusts.update()
        .where(own.id == trust_id, own.remaining_uses > 0)
        .values(remaining_uses=own.remaining_uses - 1)
    )
    with db.write() as connection:
        if not connection.execute(change).rowcount:
            raise _missing(Trust, trust_id)
