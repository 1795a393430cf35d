"""Starts the conductor: python -m services.conductor --config-file F."""

from __future__ import annotations

import os
import sys
from functools import partial

from devstack_lite import daemon, launcher, worker


def main() -> None:
    """Run the launcher until it is told to stop."""
    conf = daemon.configure("conductor", sys.argv[1:])

    # Imported before the forks, which then share them and start at once.
    from devstack_lite.db.engine import Database
    from devstack_lite.rpc.server import RpcServer
    from devstack_lite.rpc.transport import get_transport
    from services.conductor import own_endpoints
    from services.conductor.manager import endpoints_of, make_dispatcher, report_self
    from services.conductor.reconciler import Reconciler

    own_endpoints.prepare(Database(conf.database.connection, pool_size=1))

    def make_worker(number: int) -> launcher.Worker:
        worker.become("conductor", conf.host, number)
        database = Database(conf.database.connection, pool_size=conf.database.pool_size)
        transport = get_transport(conf)
        dispatcher = make_dispatcher(conf, transport)
        reconciler = Reconciler(
            conf, database, dispatcher, holder=f"{conf.host}/{number}/{os.getpid()}"
        )
        server = RpcServer(
            transport,
            topic="conductor",
            server=conf.host,
            endpoints=[*endpoints_of(conf, database, dispatcher), *own_endpoints.make(database)],
            threads=conf.rpc.threads,
        )
        return daemon.RpcWorker(
            conf, server, partial(report_self, conf, database), companions=[reconciler]
        )

    group = launcher.WorkerGroup(
        name="conductor", workers=conf.conductor.workers, factory=make_worker
    )
    launcher.run(conf, "conductor", [group])


if __name__ == "__main__":
    main()
