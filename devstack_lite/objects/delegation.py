"""How somebody acts for somebody: application credentials, trusts, and other kept secrets."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from devstack_lite.objects.registry import message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCredential:
    """A secret by which a program acts as its user, on one project and with no more than roles."""

    id: str
    name: str
    user_id: str
    project_id: str
    secret_hash: str = field(repr=False)
    role_ids: tuple[str, ...]
    description: str | None = None
    expires_at: datetime.datetime | None = None
    unrestricted: bool = False
    """Whether a token got by it may make and remove application credentials and trusts."""


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A trustor's roles on a project, lent to the trustee; impersonation: under whose name."""

    id: str
    trustor_user_id: str
    trustee_user_id: str
    project_id: str | None
    role_ids: tuple[str, ...]
    impersonation: bool
    expires_at: datetime.datetime | None = None
    remaining_uses: int | None = None
    """How many more tokens may be got by it; None is any number."""


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A secret kept for a user; type `ec2` is an access key, its blob the JSON of both halves."""

    id: str
    type: str
    blob: str = field(repr=False)
    user_id: str
    project_id: str | None = None
