"""Acting by an application credential or a trust: who acts, on what, and with which roles."""

from __future__ import annotations

import dataclasses
import datetime
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from devstack_lite.db import delegations, standings
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, NotFound, Unauthorized
from devstack_lite.objects.delegation import ApplicationCredential, Trust
from devstack_lite.objects.identity import Role, Standing, User
from services.identity.passwords import Passwords
from services.identity.scope import Scope, domain_of

Json = dict[str, Any]

NO = "The request you have made requires authentication."


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """What a token is to be got by: the user whose it will be, and what it will be for."""

    user: User
    scope: Scope
    expires_at: datetime.datetime | None
    application_credential_id: str | None = None
    trust_id: str | None = None


class SaidBy(Protocol):
    """The part of a token that says by what it was got."""

    @property
    def application_credential_id(self) -> str | None: ...  # noqa: D102
    @property
    def trust_id(self) -> str | None: ...  # noqa: D102


class Delegated:
    """Reads what was delegated; called for no other token."""

    def __init__(self, db: Database, passwords: Passwords) -> None:
        self._db = db
        self._passwords = passwords

    def by_secret(self, wanted: Json) -> Delegation:
        """Return what an `application_credential` object of v3 names. Raises Unauthorized.

        For a wrong secret as for one that is not there, after as long.
        """
        found: ApplicationCredential | None = None
        with suppress(NotFound):
            found = self._find(wanted)
        kept = found.secret_hash if found is not None else None
        is_right = self._passwords.is_right(wanted["secret"], kept)
        if found is None or not is_right or delegations.has_expired(found):
            raise Unauthorized(NO)
        return self._by_credential(found)

    def _find(self, wanted: Json) -> ApplicationCredential | None:
        if wanted.get("id") is not None:
            return delegations.get(self._db, ApplicationCredential, wanted["id"])
        user = rows.find_user(
            self._db,
            user_id=wanted["user"].get("id"),
            name=wanted["user"].get("name"),
            domain=domain_of(wanted["user"]),
        )
        found = delegations.list_where(
            self._db, ApplicationCredential, user_id=user.id, name=wanted["name"]
        )
        return found[0] if found else None

    def _by_credential(self, found: ApplicationCredential) -> Delegation:
        return Delegation(
            user=rows.get(self._db, User, found.user_id),
            scope=Scope(project_id=found.project_id),
            expires_at=found.expires_at,
            application_credential_id=found.id,
        )

    def by_trust(self, trust_id: str, user: User) -> Delegation:
        """Return what a trust lends to a user. Raises Unauthorized, Forbidden to anybody else."""
        try:
            trust = delegations.get(self._db, Trust, trust_id)
        except NotFound as error:
            raise Unauthorized(NO) from error
        if not delegations.is_usable(trust):
            raise Unauthorized(NO)
        if trust.trustee_user_id != user.id:
            raise Forbidden("User is not a trustee.")
        return self._by_trust(trust)

    def _by_trust(self, trust: Trust) -> Delegation:
        shown = trust.trustor_user_id if trust.impersonation else trust.trustee_user_id
        return Delegation(
            user=rows.get(self._db, User, shown),
            scope=Scope(project_id=trust.project_id),
            expires_at=trust.expires_at,
            trust_id=trust.id,
        )

    def again(self, parent: SaidBy, user: User) -> Delegation:
        """Return what a valid token was got by, for another token like it."""
        if parent.trust_id is not None:
            return self._by_trust(delegations.get(self._db, Trust, parent.trust_id))
        found = delegations.get(
            self._db, ApplicationCredential, str(parent.application_credential_id)
        )
        return self._by_credential(found)

    def limit(self, token: SaidBy, standing: Standing) -> Standing:
        """Return a standing with the roles that were delegated, as far as they are still held.

        Raises NotFound, Unauthorized when what the token was got by is gone or has expired.
        """
        if token.trust_id is not None:
            return self._entrusted(token.trust_id, standing)
        found = delegations.get(
            self._db, ApplicationCredential, str(token.application_credential_id)
        )
        if delegations.has_expired(found):
            raise Unauthorized(NO)
        roles = tuple(role for role in standing.roles if role.id in found.role_ids)
        return dataclasses.replace(standing, roles=roles, application_credential=found)

    def _entrusted(self, trust_id: str, standing: Standing) -> Standing:
        """Return the standing with the trustor's roles, all of which they must still have."""
        trust = delegations.get(self._db, Trust, trust_id)
        if delegations.has_expired(trust):
            raise Unauthorized(NO)
        lent, other = standing, trust.trustee_user_id
        if not trust.impersonation:
            other = trust.trustor_user_id
            lent = standings.get_standing(self._db, user_id=other, target_id=trust.project_id)
        counterpart = rows.get(self._db, User, other)
        held = {role.id for role in lent.roles}
        if not counterpart.enabled or not held.issuperset(trust.role_ids):
            raise Unauthorized(NO)
        known = {one.id: one for one in rows.list_all(self._db, Role)}
        roles = standings.with_implied(trust.role_ids, known, rows.list_rules(self._db))
        return dataclasses.replace(standing, roles=roles, trust=trust)
