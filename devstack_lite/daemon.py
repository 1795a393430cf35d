"""What the `__main__` of every daemon does: read its file, set up its log, bind, launch."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite import launcher, worker
from devstack_lite.exceptions import DevstackError, Unavailable

LOG = logging.getLogger(__name__)


def configure(daemon: str, arguments: Sequence[str]) -> Any:
    """Return the daemon's configuration, its log set up. Exits with one sentence when it is bad."""
    launcher.use_threads()
    from devstack_lite import logs

    try:
        conf = options.load(f"devstack-lite-{daemon}", arguments)
    except (cfg.Error, OSError) as error:
        sys.exit(f"{daemon}: {error}")
    logs.configure(conf, daemon)
    return conf


def serve_wsgi(service: str, app_name: str, arguments: Sequence[str] | None = None) -> None:
    """Run a daemon whose workers serve one Paste application on one port."""
    from devstack_lite.wsgi.server import HttpWorker, bind

    conf = configure(service, sys.argv[1:] if arguments is None else arguments)
    own = conf[service]
    try:
        listener = bind(own.listen, own.port)
    except DevstackError as error:
        sys.exit(f"{service}: {error}")

    def make_worker(number: int) -> launcher.Worker:
        from devstack_lite.wsgi.app import load_app

        worker.become(service, conf.host, number)
        return HttpWorker(listener, load_app(conf, app_name), threads=own.threads)

    group = launcher.WorkerGroup(name=service, workers=own.workers, factory=make_worker)
    launcher.run(conf, service, [group])


class RpcWorker:
    """Serves one topic, and says every heartbeat_s seconds that its service is alive."""

    def __init__(self, conf: Any, server: Any, heartbeat: Callable[[], None]) -> None:
        self._conf = conf
        self._server = server
        self._heartbeat = heartbeat
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Open the queue, then report: who is reported up can be sent messages."""
        self._server.start()
        self._thread.start()

    def stop(self) -> None:
        """Finish the messages in hand, for at most graceful_stop_s seconds."""
        self._stopping.set()
        self._server.stop(self._conf.graceful_stop_s)

    def _beat(self) -> None:
        while True:
            try:
                self._heartbeat()
                pause_s = float(self._conf.heartbeat_s)
            except Unavailable as error:
                LOG.warning("no heartbeat: %s", error)
                pause_s = 1.0
            except Exception:
                LOG.exception("no heartbeat")
                pause_s = 1.0
            if self._stopping.wait(pause_s):
                return
