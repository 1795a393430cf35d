"""What is known of what must hold: it does, it does not, or it was not seen."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What is known of the invariants."""

    VALID = "valid"
    UNKNOWN = "unknown"
    INVALID = "invalid"

    @property
    def exit_code(self) -> int:
        """0 valid, 2 unknown, 1 invalid."""
        return {Verdict.VALID: 0, Verdict.UNKNOWN: 2, Verdict.INVALID: 1}[self]
