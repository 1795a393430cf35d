"""Starts a compute host: python -m services.compute --config-file F."""

from __future__ import annotations

import logging
import sys

from devstack_lite import daemon, launcher, worker

LOG = logging.getLogger(__name__)


def main() -> None:
    """Run the launcher until it is told to stop."""
    conf = daemon.configure("compute", sys.argv[1:])
    # Imported before the forks, which then share it and start at once.
    from services.compute.assembly import make_worker as assemble
    from services.compute.hypervisor import check_options
    from services.compute.provider_config import load_provider_config

    try:
        check_options(conf)
        load_provider_config(conf.compute.provider_config_location)
    except ValueError as error:
        LOG.critical("%s", error)
        sys.exit(f"compute: {error}")

    def make_worker(number: int) -> launcher.Worker:
        worker.become("compute", conf.host, number)
        return assemble(conf, number)

    group = launcher.WorkerGroup(name="compute", workers=conf.compute.workers, factory=make_worker)
    launcher.run(conf, "compute", [group])


if __name__ == "__main__":
    main()
