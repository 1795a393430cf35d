"""Starts a compute host: python -m services.compute --config-file F."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from devstack_lite import daemon, launcher, worker

NODES_IN_A_MESSAGE = 500
REPORT_NODES_EVERY = 12
"""Heartbeats between reports of what the nodes have; it changes when an operator changes it."""


def main() -> None:
    """Run the launcher until it is told to stop."""
    conf = daemon.configure("compute", sys.argv[1:])

    def make_worker(number: int) -> launcher.Worker:
        worker.become("compute", conf.host, number)
        return _make_worker(conf)

    group = launcher.WorkerGroup(name="compute", workers=conf.compute.workers, factory=make_worker)
    launcher.run(conf, "compute", [group])


def _make_worker(conf: Any) -> launcher.Worker:
    from devstack_lite.clients.image import ImageClient
    from devstack_lite.clients.network import NetworkClient
    from devstack_lite.clients.volume import VolumeClient
    from devstack_lite.context import RequestContext, service_context
    from devstack_lite.objects.compute import BuildResult, Progress
    from devstack_lite.rpc.server import RpcServer, get_transport
    from services.compute.batches import Batcher, ProgressBoard
    from services.compute.build import Peers
    from services.compute.hypervisor import describe_nodes, load_driver
    from services.compute.manager import ComputeManager
    from services.conductor.rpcapi.builds import BuildsAPI
    from services.conductor.rpcapi.hosts import HostsAPI
    from services.conductor.rpcapi.instances import InstancesAPI

    transport = get_transport(conf)
    monitor_s = conf.rpc.call_monitor_s
    builds = BuildsAPI(transport, call_monitor_s=monitor_s)
    hosts = HostsAPI(transport, call_monitor_s=monitor_s)
    driver = load_driver(conf)
    own = service_context()

    def finish(results: Sequence[BuildResult]) -> list[bool]:
        answers = builds.finish_builds(
            own, results=results, availability_zone=conf.compute.availability_zone
        )
        return [answers[result.instance_uuid] for result in results]

    def fail(context: RequestContext, result: BuildResult) -> None:
        builds.fail_builds(context, results=[result], failed_host=conf.host)

    def show(reports: Sequence[Progress]) -> None:
        builds.write_progress(own, reports=reports)

    ends = conf.endpoints
    peers = Peers(
        driver=driver,
        image=ImageClient(ends.image, timeout_s=30),
        network=NetworkClient(ends.network, timeout_s=30),
        volume=VolumeClient(ends.volume, timeout_s=30),
        finish=Batcher("finish", finish),
        fail=fail,
        progress=ProgressBoard(show, after_s=conf.compute.progress_s),
    )
    manager = ComputeManager(
        conf.host,
        peers,
        builds,
        InstancesAPI(transport, call_monitor_s=monitor_s),
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
    beats = 0

    def report() -> None:
        nonlocal beats
        if beats % REPORT_NODES_EVERY == 0:
            nodes = describe_nodes(conf, driver)
            for start in range(0, len(nodes), NODES_IN_A_MESSAGE):
                hosts.report_nodes(own, nodes=nodes[start : start + NODES_IN_A_MESSAGE])
        hosts.report_service(
            own, binary="nova-compute", host=conf.host, topic="compute",
            availability_zone=conf.compute.availability_zone,
        )  # fmt: skip
        beats += 1

    return daemon.RpcWorker(conf, server, report)


if __name__ == "__main__":
    main()
