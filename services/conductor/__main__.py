"""Starts the conductor: python -m services.conductor --config-file F."""

from __future__ import annotations

import sys
from functools import partial

from devstack_lite import daemon, launcher, worker


def main() -> None:
    """Run the launcher until it is told to stop."""
    conf = daemon.configure("conductor", sys.argv[1:])

    def make_worker(number: int) -> launcher.Worker:
        from devstack_lite.db.engine import Database
        from devstack_lite.rpc.server import RpcServer, get_transport
        from services.conductor.manager import endpoints_of, report_self

        worker.become("conductor", conf.host, number)
        database = Database(conf.database.connection, pool_size=conf.database.pool_size)
        transport = get_transport(conf)
        server = RpcServer(
            transport,
            topic="conductor",
            server=conf.host,
            endpoints=endpoints_of(conf, database, transport),
            threads=conf.rpc.threads,
        )
        return daemon.RpcWorker(conf, server, partial(report_self, conf, database))

    group = launcher.WorkerGroup(
        name="conductor", workers=conf.conductor.workers, factory=make_worker
    )
    launcher.run(conf, "conductor", [group])


if __name__ == "__main__":
    main()
