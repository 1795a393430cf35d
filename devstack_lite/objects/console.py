"""Consoles: where a guest's screen is, for who comes with a token."""

from __future__ import annotations

from dataclasses import dataclass

from devstack_lite.objects.registry import message


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """A display of a guest on its node; host and port are where a proxy connects to."""

    instance_uuid: str
    console_type: str
    """As the API names it: novnc, spice-html5, spice-direct."""
    node: str
    host: str
    port: int
