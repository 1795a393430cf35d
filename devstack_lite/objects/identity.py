"""Who there is: users, projects and what a token is scoped to."""

from __future__ import annotations

from dataclasses import dataclass, field

from devstack_lite.objects.registry import message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A name space of users and projects."""

    id: str
    name: str
    description: str | None = None
    enabled: bool = True


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What owns things."""

    id: str
    name: str
    domain_id: str
    description: str | None = None
    enabled: bool = True


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who asks; password_hash is bcrypt's, None for a user who cannot log in."""

    id: str
    name: str
    domain_id: str
    password_hash: str | None = field(default=None, repr=False)
    default_project_id: str | None = None
    email: str | None = None
    description: str | None = None
    enabled: bool = True


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What somebody may do."""

    id: str
    name: str
    description: str | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A role of a user on a target; target_type is project, domain or system."""

    user_id: str
    target_id: str
    target_type: str
    role_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A user on a target as both are now: what a token of theirs is worth."""

    user: User
    project: Project | None = None
    domain: Domain | None = None
    roles: tuple[Role, ...] = ()
    is_revoked: bool = False
