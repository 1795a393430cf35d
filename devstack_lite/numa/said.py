"""What a flavor and an image say about one thing, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devstack_lite.objects.compute import Flavor

_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A flavor with its extra specs, and an image's properties."""

    flavor: Flavor
    properties: Mapping[str, Any]

    @property
    def specs(self) -> Mapping[str, Any]:
        """The flavor's extra specs."""
        return self.flavor.extra_specs

    def both(self, key: str) -> tuple[str | None, str | None]:
        """Return hw:key of the flavor and hw_key of the image, each as text or None."""
        return _text(self.specs.get(f"hw:{key}")), _text(self.properties.get(f"hw_{key}"))


def is_true(text: str | None) -> bool | None:
    """Return what a text says of yes or no, as oslo.utils reads it; None for none."""
    return None if text is None else text.strip().lower() in _TRUE


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
