"""Names inside other people's libraries that this project sets: should they move, this fails."""

from __future__ import annotations

import inspect

from devstack_lite import launcher

launcher.use_threads()

from oslo_messaging._drivers import amqpdriver  # noqa: E402


def test_oslo_messagings_pollers_still_have_a_shortest_pause() -> None:
    """And an RPC message still needs nothing of them: its acknowledgement is a no-op by then."""
    for poller in (amqpdriver.AMQPListener, amqpdriver.ReplyWaiter):
        assert "ACK_REQUEUE_EVERY_SECONDS_MIN" in inspect.getsource(poller)
    assert "self.message.acknowledge" not in inspect.getsource(
        amqpdriver.AMQPIncomingMessage.acknowledge
    )
    assert "message.acknowledge()" in inspect.getsource(amqpdriver.RpcAMQPListener.__call__)
