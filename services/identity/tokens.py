"""Tokens: sealed with the cloud's key, so that issuing one writes nothing.

A token says who, on which project, until when, and how it was issued: step 1 of every boot that it
is used for travels in it. What it is worth is read from the database at each validation.
"""

from __future__ import annotations

import datetime
import json
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bcrypt
from cryptography.fernet import Fernet, InvalidToken

from devstack_lite.clock import from_epoch
from devstack_lite.db import identity as rows
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Forbidden, Invalid, NotFound, Unauthorized
from devstack_lite.objects.identity import Standing, User
from devstack_lite.steps import StepRecord

SYSTEM = "all"

_NO = "The request you have made requires authentication."


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a sealed token says."""

    user_id: str
    project_id: str | None
    methods: tuple[str, ...]
    issued_at: float
    expires_at: float
    audit_id: str
    issued: StepRecord

    @property
    def expires(self) -> datetime.datetime:
        """When it ends, in UTC."""
        return from_epoch(self.expires_at)


class TokenMaker:
    """Issues and opens tokens."""

    def __init__(self, db: Database, key_file: Path, *, lifetime_s: int) -> None:
        self._db = db
        self._fernet = Fernet(key_file.read_bytes())
        self._lifetime_s = lifetime_s

    def issue(self, auth: dict[str, Any], *, started_at: float) -> tuple[str, Token, Standing]:
        """Return a new token for the `auth` object of v3: step 1.

        started_at: when the request came in, in epoch seconds. Raises Unauthorized, Invalid,
        Forbidden.
        """
        identity = auth.get("identity")
        if not isinstance(identity, dict) or not identity.get("methods"):
            raise Invalid("Expecting to find identity in auth.")
        methods = tuple(identity["methods"])
        parent: Token | None = None
        if "password" in methods:
            user = self._check_password(identity.get("password", {}).get("user", {}))
        elif "token" in methods:
            parent = self.open(str(identity.get("token", {}).get("id")))
            user = rows.find_user(self._db, user_id=parent.user_id, name=None, domain="")
        else:
            raise Unauthorized(_NO)
        project_id = self._scope(auth, user, parent)
        return self._seal(user, project_id, methods, parent, started_at)

    def open(self, sealed: str) -> Token:
        """Return what a token says. Raises Unauthorized for a foreign or expired one."""
        try:
            said = json.loads(self._fernet.decrypt(sealed.encode()))
        except (InvalidToken, ValueError, UnicodeError) as error:
            raise Unauthorized(_NO) from error
        if said["expires_at"] <= time.time():
            raise Unauthorized(_NO)
        return Token(**{**said, "methods": tuple(said["methods"]),
                        "issued": StepRecord(**said["issued"])})  # fmt: skip

    def stand(self, token: Token) -> Standing:
        """Return what a token is worth now. Raises Unauthorized for a revoked or disabled one."""
        try:
            standing = rows.get_standing(
                self._db,
                user_id=token.user_id,
                project_id=token.project_id,
                audit_id=token.audit_id,
            )
        except NotFound as error:
            raise Unauthorized(_NO) from error
        is_enabled = standing.user.enabled and (
            standing.project is None or standing.project.enabled
        )
        if standing.is_revoked or not is_enabled:
            raise Unauthorized(_NO)
        return standing

    def _check_password(self, wanted: dict[str, Any]) -> User:
        domain = wanted.get("domain", {})
        try:
            user = rows.find_user(
                self._db,
                user_id=wanted.get("id"),
                name=wanted.get("name"),
                domain=domain.get("id") or domain.get("name") or "default",
            )
        except NotFound as error:
            raise Unauthorized(_NO) from error
        password = str(wanted.get("password", "")).encode()[:72]
        kept = (user.password_hash or "").encode()
        if not user.enabled or not kept or not bcrypt.checkpw(password, kept):
            raise Unauthorized(_NO)
        return user

    def _scope(self, auth: dict[str, Any], user: User, parent: Token | None) -> str | None:
        scope = auth.get("scope")
        if scope == "unscoped" or (isinstance(scope, dict) and "unscoped" in scope):
            return None
        if scope is None:
            return parent.project_id if parent is not None else user.default_project_id
        if not isinstance(scope, dict):
            raise Invalid("Expecting to find scope in auth as an object.")
        if "system" in scope:
            return SYSTEM
        if "domain" in scope:
            return None
        wanted = scope.get("project") or {}
        domain = wanted.get("domain", {})
        try:
            project = rows.find_project(
                self._db,
                project_id=wanted.get("id"),
                name=wanted.get("name"),
                domain=domain.get("id") or domain.get("name") or "default",
            )
        except NotFound as error:
            raise Unauthorized(_NO) from error
        return project.id

    def _seal(
        self,
        user: User,
        project_id: str | None,
        methods: tuple[str, ...],
        parent: Token | None,
        started_at: float,
    ) -> tuple[str, Token, Standing]:
        now = time.time()
        if parent is not None:
            methods = tuple(dict.fromkeys((*parent.methods, *methods)))
        token = Token(
            user_id=user.id,
            project_id=project_id,
            methods=methods,
            issued_at=now,
            expires_at=parent.expires_at if parent is not None else now + self._lifetime_s,
            audit_id=uuid.uuid4().hex[:22],
            issued=StepRecord.here(1, started_at, now - started_at, detail=f"for {user.name}"),
        )
        standing = self.stand(token)
        if project_id is not None and not standing.roles:
            raise Unauthorized(_NO)
        sealed = self._fernet.encrypt(json.dumps(asdict(token), separators=(",", ":")).encode())
        return sealed.decode(), token, standing


def require_admin(standing: Standing, rule: str) -> None:
    """Raise Forbidden in Keystone's words unless the caller is an administrator."""
    if not any(role.name == "admin" for role in standing.roles):
        raise Forbidden(f"You are not authorized to perform the requested action: {rule}.")
