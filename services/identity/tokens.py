"""Tokens: sealed with the cloud's key, so that issuing one writes nothing.

A token says who, on what, until when, and how it was issued: step 1 of every boot that it is used
for travels in it. What it is worth is read from the database at each validation.
"""

from __future__ import annotations

import base64
import datetime
import json
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from devstack_lite.clock import from_epoch
from devstack_lite.db import identity as rows
from devstack_lite.db import standings
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, NotFound, Unauthorized
from devstack_lite.objects.identity import Standing, User
from devstack_lite.steps import StepRecord
from services.identity.delegated import NO, Delegated, Delegation
from services.identity.passwords import Passwords, fingerprint
from services.identity.scope import Scope, domain_of, is_open

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a sealed token says; times in epoch seconds."""

    user_id: str
    scope: Scope
    methods: tuple[str, ...]
    issued_at: float
    expires_at: float
    audit_ids: tuple[str, ...]
    """Its own, and that of the first of the chain of tokens by which it was got."""
    password: str
    """Fingerprint of the password at issue."""
    issued: StepRecord
    application_credential_id: str | None = None
    trust_id: str | None = None

    @property
    def expires(self) -> datetime.datetime:
        """When it ends, in UTC."""
        return from_epoch(self.expires_at)

    @property
    def is_delegated(self) -> bool:
        """Whether it was got by an application credential or a trust."""
        return self.application_credential_id is not None or self.trust_id is not None


class TokenMaker:
    """Issues and opens tokens."""

    def __init__(
        self, db: Database, key_file: Path, *, passwords: Passwords, lifetime_s: int
    ) -> None:
        self._db = db
        self._fernet = Fernet(key_file.read_bytes())
        self._passwords = passwords
        self._lifetime_s = lifetime_s
        self._delegated = Delegated(db, passwords)

    def issue(self, auth: Json, *, started_at: float) -> tuple[str, Token, Standing]:
        """Return a new token for the `auth` object of v3, which has passed its schema: step 1.

        started_at: when the request came in, in epoch seconds. Raises Unauthorized.
        """
        user, parent, by = self._authenticate(auth["identity"])
        methods = auth["identity"]["methods"]
        by = by or self._by(auth, user, parent)
        if by is None:
            token = self._draft(user, self._scope(auth, user, parent), methods, parent, started_at)
        else:
            token = self._draft(by.user, by.scope, methods, parent, started_at, by)
        standing = self.stand(token)
        sealed = self._fernet.encrypt(json.dumps(asdict(token), separators=(",", ":")).encode())
        return sealed.decode(), token, standing

    def _authenticate(self, identity: Json) -> tuple[User, Token | None, Delegation | None]:
        """Return who asks, by which token, and by which application credential."""
        methods = identity["methods"]
        if "password" in methods and "password" in identity:
            return self.check_password(identity["password"]["user"]), None, None
        if "token" in methods and "token" in identity:
            parent = self.open(identity["token"]["id"])
            return self.stand(parent).user, parent, None
        if "application_credential" in methods and "application_credential" in identity:
            by = self._delegated.by_secret(identity["application_credential"])
            return by.user, None, by
        raise Unauthorized(NO)

    def _by(self, auth: Json, user: User, parent: Token | None) -> Delegation | None:
        """Return for whom the user wants to act, or acted with the token; None for themselves."""
        asked = auth.get("scope")
        is_delegated = parent is not None and parent.is_delegated
        if isinstance(asked, dict) and "OS-TRUST:trust" in asked:
            if is_delegated:
                raise Forbidden("You are not authorized to perform the requested action.")
            return self._delegated.by_trust(asked["OS-TRUST:trust"]["id"], user)
        if parent is None or not is_delegated:
            return None
        if asked is not None and self._scope(auth, user, parent) != parent.scope:
            raise Forbidden(
                "You are not authorized to perform the requested action: rescope a scoped token."
            )
        return self._delegated.again(parent, user)

    def open(self, sealed: str) -> Token:
        """Return what a token says. Raises Unauthorized for a foreign or expired one."""
        try:
            said = json.loads(self._fernet.decrypt(sealed.encode()))
            lists = {name: tuple(said[name]) for name in ("methods", "audit_ids")}
            parts = {"scope": Scope(**said["scope"]), "issued": StepRecord(**said["issued"])}
            token = Token(**{**said, **lists, **parts})
        # The last three: sealed by another version of this code.
        except (InvalidToken, UnicodeError, ValueError, TypeError, KeyError) as error:
            raise Unauthorized(NO) from error
        if token.expires_at <= time.time():
            raise Unauthorized(NO)
        return token

    def stand(self, token: Token) -> Standing:
        """Return what a token is worth now. Raises Unauthorized when it is worth nothing.

        That is when it was revoked, when its user, project or their domain is gone or disabled,
        when the user has no role there any more, and when the password was changed since.
        """
        target_id = token.scope.target_id
        try:
            standing = standings.get_standing(
                self._db,
                user_id=token.user_id,
                target_id=target_id,
                audit_id=token.audit_ids[0],
            )
            if token.is_delegated:
                standing = self._delegated.limit(token, standing)
        except NotFound as error:
            raise Unauthorized(NO) from error
        if (
            standing.is_revoked
            or not (standing.user.enabled and standing.user_domain.enabled)
            or fingerprint(standing.user.password_hash) != token.password
            or not (target_id is None or is_open(token.scope, standing))
        ):
            raise Unauthorized(NO)
        return standing

    def check_password(self, wanted: Json) -> User:
        """Return the user whom v3's `user` object names, with their password.

        Raises Unauthorized, for a wrong password as for a user who is not there.
        """
        user: User | None = None
        with suppress(NotFound):
            user = rows.find_user(
                self._db,
                user_id=wanted.get("id"),
                name=wanted.get("name"),
                domain=domain_of(wanted),
            )
        kept = user.password_hash if user is not None else None
        is_right = self._passwords.is_right(wanted["password"], kept)
        if user is None or not is_right or not user.enabled:
            raise Unauthorized(NO)
        return user

    def _scope(self, auth: Json, user: User, parent: Token | None) -> Scope:
        asked = auth.get("scope")
        if asked is None:
            return parent.scope if parent is not None else self._home(user)
        if asked == "unscoped" or "unscoped" in asked:
            return Scope()
        if "system" in asked:
            return Scope(is_system=True)
        try:
            if "domain" in asked:
                wanted = asked["domain"].get("id") or asked["domain"].get("name") or ""
                return Scope(domain_id=rows.find_domain(self._db, id_or_name=wanted).id)
            project = rows.find_project(
                self._db,
                project_id=asked["project"].get("id"),
                name=asked["project"].get("name"),
                domain=domain_of(asked["project"]),
            )
        except NotFound as error:
            raise Unauthorized(NO) from error
        return Scope(project_id=project.id)

    def _home(self, user: User) -> Scope:
        """Return the scope of who asks for none: the default project, if it is open to them."""
        scope = Scope(project_id=user.default_project_id)
        if scope.project_id is not None:
            standing = standings.get_standing(self._db, user_id=user.id, target_id=scope.project_id)
            if is_open(scope, standing):
                return scope
        return Scope()

    def _draft(
        self,
        user: User,
        scope: Scope,
        methods: list[str],
        parent: Token | None,
        started_at: float,
        by: Delegation | None = None,
    ) -> Token:
        now = time.time()
        expires_at = now + self._lifetime_s
        if by is not None and by.expires_at is not None:
            expires_at = min(expires_at, by.expires_at.timestamp())
        audit_ids: tuple[str, ...] = (_new_audit_id(),)
        if parent is not None:
            methods = [*parent.methods, *methods]
            expires_at = parent.expires_at
            audit_ids = (*audit_ids, parent.audit_ids[-1])
        return Token(
            user_id=user.id,
            scope=scope,
            methods=tuple(dict.fromkeys(methods)),
            issued_at=now,
            expires_at=expires_at,
            audit_ids=audit_ids,
            password=fingerprint(user.password_hash),
            issued=StepRecord.here(1, started_at, now - started_at, detail=f"for {user.name}"),
            application_credential_id=by.application_credential_id if by is not None else None,
            trust_id=by.trust_id if by is not None else None,
        )


def _new_audit_id() -> str:
    """Return a random id in Keystone's form: 128 bits, 22 characters."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes)[:-2].decode()
