"""Whether this process trusts its messages, as Nova does, or what stands in the rows.

durable: a row is the truth, and what it asks for is asked again until it is done. nova: a message
is sent once, an answer awaited once, and what died with a worker stays as it was. One word for a
whole cloud, for people who want to see the difference.
"""

from __future__ import annotations

from enum import StrEnum


class Semantics(StrEnum):
    """The two."""

    DURABLE = "durable"
    NOVA = "nova"


_current = Semantics.DURABLE


def adopt(wanted: str) -> None:
    """Have this process and what it forks work so; called once, at a daemon's start."""
    global _current
    _current = Semantics(wanted)


def is_durable() -> bool:
    """Whether what got lost is asked for again."""
    return _current is Semantics.DURABLE
