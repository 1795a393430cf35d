"""Which broker a cloud gets: `auto`, `docker`, `local` or a URL; and who runs it."""

from __future__ import annotations

import dataclasses
import secrets

from devstack_lite import ports
from devstack_lite.broker import compose, external, local
from devstack_lite.broker.runner import Runner
from devstack_lite.cloud import Broker, BrokerKind, Cloud, CloudError

LOOPBACK = "127.0.0.1"


def choose(wish: str, name: str, *, before: Broker | None = None) -> Broker:
    """Return the broker for a cloud. `auto` is docker where an engine answers, else local.

    before is what the cloud had: a node of the same kind keeps its user, for it is in its data.
    Raises CloudError when what is wished for is not there.
    """
    if wish == "auto":
        kind: BrokerKind = "docker" if compose.engine_answers() else "local"
    elif wish == "docker":
        if not compose.engine_answers():
            raise CloudError("No docker engine with compose answers; give --broker local or a URL.")
        kind = "docker"
    elif wish == "local":
        kind = "local"
    else:
        return external.parse(wish)
    if kind == "local":
        local.find_server()
    if before is not None and before.kind == kind:
        return refresh(before)
    port, dist_port, epmd_port = ports.any_free(3)
    return Broker(
        kind=kind,
        host=LOOPBACK,
        port=port,
        user="devstack",
        password=secrets.token_hex(16),
        vhost=f"devstack-{name}",
        dist_port=dist_port,
        epmd_port=epmd_port,
    )


def refresh(before: Broker) -> Broker:
    """Return the broker of a cloud that starts again: the same, on other ports where it must."""
    own = [port for port in (before.port, before.dist_port, before.epmd_port) if port]
    if before.kind == "external" or not ports.listening(own):
        return before
    port, dist_port, epmd_port = ports.any_free(3)
    return dataclasses.replace(before, port=port, dist_port=dist_port, epmd_port=epmd_port)


def runner_of(cloud: Cloud) -> Runner:
    """Return what runs the cloud's broker."""
    match cloud.broker.kind:
        case "local":
            return local.LocalBroker(cloud.broker, cloud.name, cloud.state_dir)
        case "docker":
            return compose.ComposeBroker(cloud.broker, cloud.name, cloud.state_dir)
        case "external":
            return external.ExternalBroker(cloud.broker)
