"""Puts a compute worker together: its peers, its queue, its reports and its checks."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from typing import Any

from devstack_lite import daemon, launcher
from devstack_lite.clients.image import ImageClient
from devstack_lite.clients.network import NetworkClient
from devstack_lite.clients.volume import VolumeClient
from devstack_lite.clock import utcnow
from devstack_lite.context import service_context
from devstack_lite.gathering import Gatherer
from devstack_lite.instance_metadata.settings import settings_of
from devstack_lite.objects.compute import BuildResult, Progress
from devstack_lite.rpc.server import RpcServer
from devstack_lite.rpc.transport import get_transport
from services.compute.build import Peers
from services.compute.config_drive import DriveMaker
from services.compute.host_check import HostCheck
from services.compute.hypervisor import describe_nodes, load_driver, load_providers
from services.compute.in_hand import InHand
from services.compute.manager import ComputeManager
from services.compute.rpcapi import ComputeAPI
from services.conductor.rpcapi.builds import BuildsAPI
from services.conductor.rpcapi.devices import DevicesAPI
from services.conductor.rpcapi.hosts import HostsAPI
from services.conductor.rpcapi.instance_facts import InstanceFactsAPI
from services.conductor.rpcapi.instances import InstancesAPI
from services.conductor.rpcapi.moves import MovesAPI

NODES_IN_A_MESSAGE = 500
REPORT_NODES_EVERY = 12
"""Heartbeats between reports of what the nodes have; it changes when an operator changes it."""


def make_worker(conf: Any, number: int) -> launcher.Worker:
    """Return the worker of that number; called in its own process, after the fork."""
    transport = get_transport(conf)
    monitor_s = conf.rpc.call_monitor_s
    builds = BuildsAPI(transport, call_monitor_s=monitor_s)
    hosts = HostsAPI(transport, call_monitor_s=monitor_s)
    driver = load_driver(conf)
    providers = load_providers(conf, driver)
    own = service_context()
    owner = f"{conf.host}/{number}/{os.getpid()}-{time.time_ns():x}"
    started_at = utcnow()

    def finish(results: Sequence[BuildResult]) -> list[str]:
        answers = builds.finish_builds(
            own, results=results, availability_zone=conf.compute.availability_zone
        )
        return [answers[result.instance_uuid] for result in results]

    def report(reports: Sequence[Progress]) -> list[str]:
        return hosts.note_progress(own, reports=reports)

    ends = conf.endpoints
    peers = Peers(
        driver=driver,
        image=ImageClient(ends.image, timeout_s=30),
        network=NetworkClient(ends.network, timeout_s=30),
        volume=VolumeClient(ends.volume, timeout_s=30),
        finish=Gatherer(finish),
        builds=builds,
        in_hand=InHand(owner, report, after_s=conf.compute.progress_s),
        compute=ComputeAPI(transport, call_monitor_s=monitor_s),
        moves=MovesAPI(transport, call_monitor_s=monitor_s),
        drives=DriveMaker(
            InstanceFactsAPI(transport, call_monitor_s=monitor_s),
            lambda: settings_of(conf.api),
        ),
    )
    manager = ComputeManager(
        conf.host,
        peers,
        InstancesAPI(transport, call_monitor_s=monitor_s),
        DevicesAPI(transport, call_monitor_s=monitor_s),
        threads=conf.compute.build_threads,
    )
    server = RpcServer(
        transport,
        topic="compute",
        server=conf.host,
        endpoints=[manager],
        threads=conf.rpc.threads,
        in_flight=manager.in_flight,
    )
    # One worker looks after the host; each looks after what its own predecessor left.
    keeps_host = number == 1
    check = HostCheck(conf, driver, hosts, every_s=conf.compute.check_s if keeps_host else math.inf)
    beats = 0
    last_beat = time.monotonic()

    def beat() -> None:
        nonlocal beats, last_beat
        if beats == 0:
            hosts.worker_started(
                own, service="compute", host=conf.host, number=number, owner=owner,
                started_at=started_at,
            )  # fmt: skip
        if keeps_host:
            if time.monotonic() - last_beat > conf.service_down_time_s:
                check.hasten()
            if beats % REPORT_NODES_EVERY == 0:
                nodes = describe_nodes(conf, driver, providers)
                for start in range(0, len(nodes), NODES_IN_A_MESSAGE):
                    hosts.report_nodes(own, nodes=nodes[start : start + NODES_IN_A_MESSAGE])
        check.run_if_due()
        hosts.report_service(
            own, binary="nova-compute", host=conf.host, topic="compute",
            availability_zone=conf.compute.availability_zone,
        )  # fmt: skip
        beats += 1
        last_beat = time.monotonic()

    return daemon.RpcWorker(conf, server, beat)
