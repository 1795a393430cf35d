"""Starts the scheduler: python -m services.scheduler --config-file F."""

from __future__ import annotations

import os
import sys

from devstack_lite import daemon, launcher, worker


def main() -> None:
    """Run the launcher until it is told to stop."""
    conf = daemon.configure("scheduler", sys.argv[1:])

    # Imported before the forks, which then share them and start at once.
    from devstack_lite.clock import utcnow
    from devstack_lite.context import service_context
    from devstack_lite.db.engine import Database
    from devstack_lite.rpc.server import RpcServer
    from devstack_lite.rpc.transport import get_transport
    from services.compute.rpcapi import ComputeAPI
    from services.conductor.rpcapi.builds import BuildsAPI
    from services.conductor.rpcapi.hosts import HostsAPI
    from services.scheduler.decide import load_scheduler
    from services.scheduler.manager import SchedulerManager
    from services.scheduler.place import Placer

    def make_worker(number: int) -> launcher.Worker:
        worker.become("scheduler", conf.host, number)
        transport = get_transport(conf)
        monitor_s = conf.rpc.call_monitor_s
        placer = Placer(
            Database(conf.database.connection, pool_size=conf.database.pool_size),
            load_scheduler(conf),
            BuildsAPI(transport, call_monitor_s=monitor_s),
            ComputeAPI(transport, call_monitor_s=monitor_s),
            down_time_s=conf.service_down_time_s,
        )
        server = RpcServer(
            transport,
            topic="scheduler",
            server=conf.host,
            endpoints=[SchedulerManager(placer)],
            threads=conf.rpc.threads,
        )
        hosts = HostsAPI(transport, call_monitor_s=monitor_s)

        owner = f"{conf.host}/{number}/{os.getpid()}"
        started_at = utcnow()
        has_reported = False

        def report() -> None:
            nonlocal has_reported
            if not has_reported:
                hosts.worker_started(
                    service_context(),
                    service="scheduler",
                    host=conf.host,
                    number=number,
                    owner=owner,
                    started_at=started_at,
                )
                has_reported = True
            hosts.report_service(
                service_context(), binary="nova-scheduler", host=conf.host, topic="scheduler",
                availability_zone="internal",
            )  # fmt: skip

        return daemon.RpcWorker(conf, server, report)

    group = launcher.WorkerGroup(
        name="scheduler", workers=conf.scheduler.workers, factory=make_worker
    )
    launcher.run(conf, "scheduler", [group])


if __name__ == "__main__":
    main()
