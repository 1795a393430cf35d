"""What placement says of a claim: who consumes what of which node."""

from __future__ import annotations

from dataclasses import dataclass, field

from devstack_lite.objects.registry import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """An instance's claim on a node; provider_id is the node's id, amounts are in API units."""

    consumer_id: str
    provider_id: str
    generation: int
    """The provider's, which grows with each change of it."""
    attempt: int
    project_id: str
    user_id: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    resources: Json = field(default_factory=dict)
    """By class what it takes besides."""
