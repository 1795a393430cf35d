"""A compute host that answers messages, over a hypervisor's store of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from devstack_lite.rpc.server import RpcServer
from devstack_lite.rpc.transport import get_transport
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from services.compute.driver import LibvirtDriver
from services.compute.manager import ComputeManager
from services.conductor.rpcapi.instances import InstancesAPI


@contextmanager
def host_of(conf: Any, store: Path, **peers: Any) -> Iterator[LibvirtDriver]:
    """Give the driver of host1. peers: what its manager has besides the driver."""
    made = LibvirtDriver(libvirt, lambda node: make_uri(store, node), nodes=("host1",))
    transport = get_transport(conf)
    own: Any = SimpleNamespace(driver=made, **peers)
    nobody: Any = None
    manager = ComputeManager("host1", own, InstancesAPI(transport), nobody, threads=1)
    server = RpcServer(transport, topic="compute", server="host1", endpoints=[manager], threads=2)
    server.start()
    yield made
    stopper = threading.Thread(target=server.stop, args=(1.0,))
    stopper.start()
    stopper.join(timeout=10)
