"""Asks a RabbitMQ over AMQP: does it answer, does it let us in, how long are its queues."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from devstack_lite.cloud import Broker

_PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"


def answers(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Say whether an AMQP 0-9-1 server accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as peer:
            peer.sendall(_PROTOCOL_HEADER)
            return peer.recv(1) == b"\x01"  # a method frame: Connection.Start
    except OSError:
        return False


def refusal(broker: Broker, timeout_s: float = 5.0) -> str | None:
    """Return why the broker does not let this cloud in, in a few words; None when it does."""
    import amqp

    try:
        with _connect(broker, timeout_s):
            return None
    except amqp.exceptions.AccessRefused:
        return "it refuses the user or the password"
    except amqp.exceptions.NotAllowed:
        return f"the user may not use its vhost {broker.vhost}, or there is none"
    except (OSError, amqp.exceptions.AMQPError) as error:
        return str(error).strip() or type(error).__name__


def queue_depths(broker: Broker, queues: Iterable[str]) -> dict[str, int]:
    """Return how many messages wait in each of the queues that are there.

    Raises OSError when the broker does not answer.
    """
    import amqp

    depths: dict[str, int] = {}
    with _connect(broker, 2.0) as connection:
        for queue in queues:
            # Asking for a queue that is not there closes the channel, so each gets its own.
            channel = connection.channel()
            with contextlib.suppress(amqp.exceptions.NotFound):
                depths[queue] = channel.queue_declare(queue, passive=True).message_count
            channel.close()
    return depths


def delete_queues(broker: Broker, queues: Iterable[str]) -> None:
    """Delete the queues, those that are not there included."""
    with _connect(broker, 2.0) as connection:
        channel = connection.channel()
        for queue in queues:
            channel.queue_delete(queue)


@contextlib.contextmanager
def _connect(broker: Broker, timeout_s: float) -> Iterator[Any]:
    import amqp

    connection = amqp.Connection(
        host=f"{broker.host}:{broker.port}",
        userid=broker.user,
        password=broker.password,
        virtual_host=broker.vhost,
        connect_timeout=timeout_s,
        read_timeout=timeout_s,
        write_timeout=timeout_s,
    )
    with contextlib.closing(connection):
        connection.connect()
        yield connection
