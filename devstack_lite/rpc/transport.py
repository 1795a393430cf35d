"""The way to the broker, with what oslo.messaging's own settings do not reach."""

from __future__ import annotations

from typing import Any

import oslo_messaging
from oslo_messaging._drivers import amqpdriver

from devstack_lite.exceptions import DevstackError
from devstack_lite.rpc import short_cuts

REMOTE_EXCEPTION_MODULES = [DevstackError.__module__]

POLL_S = 1.0
"""oslo.messaging's pollers wake up after 1, 2, 4, … ms without a message, to acknowledge what a
notification's receiver is done with. RPC is acknowledged on receipt, so there is nothing to do:
those wake-ups took an eighth of a boot's CPU time (`python -m benchmarks.boot`)."""


def get_transport(conf: Any) -> Any:
    """Return the RPC transport. Make its first use after the fork: an earlier one breaks there."""
    short_cuts.install()
    amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MIN = POLL_S
    return oslo_messaging.get_rpc_transport(conf, allowed_remote_exmods=REMOTE_EXCEPTION_MODULES)
