"""Security groups and their rules."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from devstack_lite.objects.registry import message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupRule:
    """What a group lets through; None means any."""

    id: str
    security_group_id: str
    project_id: str
    direction: str
    ethertype: str
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    description: str = ""
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroup:
    """A set of rules that ports share."""

    id: str
    project_id: str
    name: str
    description: str = ""
    stateful: bool = True
    rules: tuple[SecurityGroupRule, ...] = ()
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
