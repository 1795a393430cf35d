"""The traits that every cloud knows, whatever its hosts are configured with."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def standard() -> frozenset[str]:
    """Return the names of os-traits 3.9."""
    return frozenset(Path(__file__).with_suffix(".txt").read_text().split())
