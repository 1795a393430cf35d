"""Somebody else's RabbitMQ, given as a URL. Nothing is created there but queues.

Two clouds need two vhosts: their queues have the same names.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from devstack_lite.broker import probe
from devstack_lite.cloud import Broker, CloudError

_SCHEMES = ("amqp", "rabbit")


def parse(url: str) -> Broker:
    """Return what a URL says. Raises CloudError for one that is not a RabbitMQ's."""
    parts = urlsplit(url)
    try:
        port = 5672 if parts.port is None else parts.port
    except ValueError:
        port = 0
    if parts.scheme not in _SCHEMES or not parts.hostname or not port:
        raise CloudError(
            f"{url!r} is not a broker: give auto, docker, local, or a URL such as"
            " amqp://user:password@host:5672/vhost."
        )
    return Broker(
        kind="external",
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        vhost=unquote(parts.path.removeprefix("/")) or "/",
    )


class ExternalBroker:
    """Watches over a broker that others run."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._refusal: str | None = None

    def start(self) -> None:
        """Check that it lets us in, for a wrong password does not get better by waiting.

        Raises CloudError that says why not.
        """
        self._refusal = probe.refusal(self._broker)
        if self._refusal is not None:
            raise CloudError(
                f"The broker at {self._broker.host}:{self._broker.port} cannot be used:"
                f" {self._refusal}."
            )

    def is_ready(self) -> bool:
        """Say whether it let us in."""
        return self._refusal is None

    def exit_code(self) -> int | None:
        """Return None: it is not ours to end."""
        return None

    def pids(self) -> list[int]:
        """Return nothing."""
        return []

    def stop(self, timeout_s: float) -> None:
        """Leave it as it is."""

    def last_words(self) -> str:
        """Return nothing: its log is not ours."""
        return ""
