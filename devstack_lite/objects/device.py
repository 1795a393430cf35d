"""What is to be changed of the devices of an instance that exists."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from enum import StrEnum

from devstack_lite.objects.registry import Json, message


class ChangeKind(StrEnum):
    """What is done; also the name of the instance's action."""

    ATTACH_VOLUME = "attach_volume"
    DETACH_VOLUME = "detach_volume"
    ATTACH_INTERFACE = "attach_interface"
    DETACH_INTERFACE = "detach_interface"


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChange:
    """A volume or a port that goes to an instance or leaves it, and how far that is."""

    id: str
    instance_uuid: str
    kind: str
    """A ChangeKind."""
    device_id: str
    """The volume's id, or the port's."""
    arguments: Json = field(default_factory=dict)
    context: Json = field(default_factory=dict)
    attempt: int = 1
    """The fencing token; 0 of a change that is over already."""
    instance_attempt: int = 0
    """That of the instance when the change was handed out: it may have been built anew since."""
    owner: str | None = None
    progress_at: datetime.datetime | None = None
    created_at: datetime.datetime | None = None
