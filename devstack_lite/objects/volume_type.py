"""Volume types."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from devstack_lite.objects.registry import Json, message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeType:
    """A kind of volume. One that is not public is for the projects that have access."""

    id: str
    name: str
    description: str | None = None
    is_public: bool = True
    extra_specs: Json = field(default_factory=dict)
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
