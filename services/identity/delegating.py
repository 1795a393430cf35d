"""What application credentials and trusts have in common: which roles, until when, by whom."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from devstack_lite.clock import utcnow
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, Invalid, NotFound
from devstack_lite.objects.identity import Role
from services.identity.callers import Caller

Json = dict[str, Any]


def roles_named(known: Iterable[Role], wanted: Iterable[Json]) -> list[Role]:
    """Return the roles of `[{"id": …} or {"name": …}]`. Raises NotFound."""
    found = []
    for one in wanted:
        asked = one.get("id") or one.get("name") or ""
        same = [role for role in known if asked in {role.id, role.name}]
        if not same:
            raise NotFound(f"Could not find role: {asked}.", kind="role")
        found.append(same[0])
    return found


def known_roles(db: Database) -> Mapping[str, Role]:
    """Return every role, by id."""
    return {one.id: one for one in rows.list_all(db, Role)}


def end_of(text: str | None) -> datetime.datetime | None:
    """Return the time that an ISO 8601 text says, UTC when it says no zone.

    Raises Invalid for another text, and for a time that is over.
    """
    if text is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            "The 'expires_at' must be in the form of an ISO 8601 date and time."
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    if moment <= utcnow():
        raise Invalid("The 'expires_at' must not be before now.")
    return moment.astimezone(datetime.UTC)


def refuse_delegated(caller: Caller, what: str) -> None:
    """Raise Forbidden when a token that was itself delegated is used to delegate.

    An application credential may be made so that its tokens can; a trust is not lent further.
    """
    own = caller.standing.application_credential
    method = "application_credential"
    if caller.standing.trust is not None:
        method = "trust"
    elif own is None or own.unrestricted:
        return
    raise Forbidden(
        "You are not authorized to perform the requested action: Using method"
        f" '{method}' is not allowed for managing {what}."
    )
