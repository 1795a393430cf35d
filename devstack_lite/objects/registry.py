"""Which dataclasses may cross RPC, by name."""

from __future__ import annotations

from typing import Any, TypeVar

Json = dict[str, Any]
T = TypeVar("T")

REGISTRY: dict[str, type[Any]] = {}


def message(cls: type[T]) -> type[T]:
    """Register a dataclass with the RPC serializer, under its name."""
    REGISTRY[cls.__name__] = cls
    return cls
