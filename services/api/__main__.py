"""Starts the compute API: python -m services.api --config-file F."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Any

from devstack_lite import daemon
from devstack_lite.daemon import HttpApi
from devstack_lite.exceptions import DevstackError, Invalid

LOG = logging.getLogger(__name__)

RECORDED_S = 0.6
"""After so long the conductor no longer takes what a dead worker recorded for another's."""


def main() -> None:
    """Run the launcher until it is told to stop."""
    conf = daemon.configure("api", sys.argv[1:])
    daemon.serve_apis(conf, "api", lambda: find_apis(conf), check=check)


def find_apis(conf: Any) -> list[HttpApi]:
    """Return what enabled_apis names. Raises Invalid for what cannot be served as configured."""
    from devstack_lite.wsgi.tls import make_adapter

    if not conf.enabled_apis:
        raise Invalid("enabled_apis names no API.")
    found = []
    for name in dict.fromkeys(conf.enabled_apis):
        workers = conf[f"{name}_workers"]
        if workers < 1:
            raise Invalid(f"{name}_workers value of {workers} is invalid, must be greater than 0")
        found.append(
            HttpApi(
                app_name=name,
                # The compute API is what the daemon is named after.
                service="api" if name == "osapi_compute" else name,
                listen=str(conf[f"{name}_listen"]),
                port=conf[f"{name}_listen_port"],
                workers=workers,
                threads=conf.api.threads,
                tls=make_adapter(conf.ssl) if name in conf.enabled_ssl_apis else None,
                max_url_len=conf.max_url_len,
                on_respawn=report_respawn if name == "osapi_compute" else None,
            )
        )
    return found


def check(conf: Any) -> None:
    """Load the extensions. Raises DevstackError when the API cannot be what is configured."""
    from devstack_lite.wsgi.middleware.ratelimit import Rule
    from services.api.extensions.loading import check_at_start

    for text in conf.api.rate_limits:
        Rule.parse(text)
    check_at_start(conf)


def report_respawn(conf: Any, number: int) -> None:
    """Have what a dead worker recorded, and told nobody of, handed out."""
    from devstack_lite.clock import utcnow
    from devstack_lite.context import service_context
    from devstack_lite.rpc.transport import get_transport
    from services.conductor.rpcapi.hosts import HostsAPI

    started_at = utcnow()
    hosts = HostsAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    owner = f"{conf.host}/{number}/{os.getpid()}"
    time.sleep(RECORDED_S)
    try:
        hosts.worker_started(
            service_context(), service="api", host=conf.host, number=number, owner=owner,
            started_at=started_at,
        )  # fmt: skip
    except DevstackError as error:
        LOG.warning("the reconciler will find what was left: %s", error)


if __name__ == "__main__":
    main()
