"""Who there is: users, projects and what a token is scoped to."""

from __future__ import annotations

from dataclasses import dataclass, field

from devstack_lite.objects.delegation import ApplicationCredential, Trust
from devstack_lite.objects.registry import Json, message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A name space of users and projects. extra, here and below: what else was said of it."""

    id: str
    name: str
    description: str | None = None
    enabled: bool = True
    extra: Json | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What owns things. parent_id: the project it is below; None is right below the domain."""

    id: str
    name: str
    domain_id: str
    parent_id: str | None = None
    description: str | None = None
    enabled: bool = True
    tags: tuple[str, ...] = ()
    extra: Json | None = None


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
    extra: Json | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What somebody may do."""

    id: str
    name: str
    description: str | None = None
    extra: Json | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Users who have the group's roles."""

    id: str
    name: str
    domain_id: str
    description: str | None = None
    extra: Json | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A document that is kept for whoever wants to read it; nothing here goes by it."""

    id: str
    type: str
    blob: str | Json
    extra: Json | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A role of a user on a target; target_type is project, domain or system.

    user_id may be a group's id: its members have the role then.
    """

    user_id: str
    target_id: str
    target_type: str
    role_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A user on a target as both are now: what a token of theirs is worth."""

    user: User
    user_domain: Domain
    project: Project | None = None
    project_domain: Domain | None = None
    domain: Domain | None = None
    """The domain that is the target; None for any other target."""
    roles: tuple[Role, ...] = ()
    is_revoked: bool = False
    application_credential: ApplicationCredential | None = None
    trust: Trust | None = None
