"""What the supervisor asks of a broker, whichever kind it is."""

from __future__ import annotations

from typing import Protocol


class Runner(Protocol):
    """Runs the broker of one cloud; used by one thread of one process."""

    def start(self) -> None:
        """Begin to start it, and return. Raises CloudError when it cannot even begin."""

    def is_ready(self) -> bool:
        """Say whether it answers; does not wait for it."""

    def exit_code(self) -> int | None:
        """Return how it ended, or None while it runs. One that is not ours never ends."""

    def pids(self) -> list[int]:
        """Return the processes that are ours to end, in the order in which to end them."""

    def stop(self, timeout_s: float) -> None:
        """End it: gracefully, and after timeout_s certainly. Idempotent."""

    def last_words(self) -> str:
        """Return the last lines of its log."""
