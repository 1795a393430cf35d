"""What the `__main__` of every daemon does: read its file, set up its log, bind, launch."""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite import failpoints, launcher, semantics, worker
from devstack_lite.exceptions import DevstackError, Unavailable

LOG = logging.getLogger(__name__)

RETRY_S = 0.1


def configure(daemon: str, arguments: Sequence[str]) -> Any:
    """Return the daemon's configuration, its log set up. Exits with one sentence when it is bad."""
    launcher.use_threads()
    from devstack_lite import logs

    try:
        conf = options.load(f"devstack-lite-{daemon}", arguments)
    except (cfg.Error, OSError) as error:
        sys.exit(f"{daemon}: {error}")
    logs.configure(conf, daemon)
    semantics.adopt(conf.semantics)
    return conf


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi:
    """One Paste application that a daemon serves, on a port and with workers of its own."""

    app_name: str
    service: str
    """What its workers call themselves: in step records, failpoints and process titles."""
    listen: str
    port: int
    workers: int
    threads: int
    tls: Any = None
    """What secures it, as devstack_lite.wsgi.tls makes it; None is plain HTTP."""
    max_url_len: int | None = None
    on_respawn: Callable[[Any, int], None] | None = None
    """Called in a thread of a worker that took a dead one's place, with the configuration and the
    worker's number."""


def serve_wsgi(service: str, app_name: str, arguments: Sequence[str] | None = None) -> None:
    """Run a daemon whose workers serve one Paste application on one port."""
    conf = configure(service, sys.argv[1:] if arguments is None else arguments)
    own = conf[service]
    api = HttpApi(
        app_name=app_name, service=service, listen=own.listen, port=own.port,
        workers=own.workers, threads=own.threads,
    )  # fmt: skip
    serve_apis(conf, service, lambda: [api])


def serve_apis(
    conf: Any,
    daemon: str,
    find_apis: Callable[[], Sequence[HttpApi]],
    *,
    check: Callable[[Any], None] | None = None,
) -> None:
    """Run a configured daemon whose workers serve Paste applications, a group of them for each.

    check: called with the configuration before the forks. A DevstackError of it, of find_apis or
    of a port that is taken ends the start with one sentence.
    """
    # Imported before the forks, which then share them and start at once.
    from devstack_lite.wsgi.app import load_app
    from devstack_lite.wsgi.server import HttpWorker, bind

    try:
        apis = find_apis()
        importlib.import_module(f"services.{daemon}.router")
        if check is not None:
            check(conf)
        listeners = {api.app_name: bind(api.listen, api.port) for api in apis}
    except (DevstackError, cfg.Error) as error:
        LOG.critical("%s", error)
        sys.exit(f"{daemon}: {error}")

    def make_worker(api: HttpApi, number: int) -> launcher.Worker:
        worker.become(api.service, conf.host, number)
        http = HttpWorker(
            listeners[api.app_name], load_app(conf, api.app_name), threads=api.threads,
            max_url_len=api.max_url_len, tls=api.tls,
        )  # fmt: skip
        then = None
        if api.on_respawn is not None and launcher.replaced_pid() is not None:
            then = partial(api.on_respawn, conf, number)
        return ControlledWorker(conf, daemon, http, then)

    groups = [
        launcher.WorkerGroup(
            name=api.service, workers=api.workers, factory=partial(make_worker, api)
        )
        for api in apis
    ]
    launcher.run(conf, daemon, groups)


class ControlledWorker:
    """A worker without a queue of its own that hears what is said to all workers of its daemon."""

    def __init__(
        self,
        conf: Any,
        topic: str,
        inner: launcher.Worker,
        then: Callable[[], None] | None = None,
    ) -> None:
        """then: what a thread does once the worker has started."""
        self._then = then
        self._conf = conf
        self._topic = topic
        self._inner = inner
        self._control: Any = None

    def start(self) -> None:
        """Start the worker; the broker may come later."""
        failpoints.configure(self._conf.state_dir)
        self._inner.start()
        threading.Thread(target=self._listen, name="control", daemon=True).start()

    def _listen(self) -> None:
        from devstack_lite.rpc.server import RpcServer
        from devstack_lite.rpc.transport import get_transport

        try:
            control = RpcServer(
                get_transport(self._conf),
                topic=self._topic,
                server=self._conf.host,
                endpoints=[],
                threads=1,
            )
            control.start()
            failpoints.reload()  # what was armed before this worker could be told of it
            self._control = control
        except Exception:
            LOG.exception("control is not heard here")
        if self._then is not None:
            self._then()

    def stop(self) -> None:
        """Stop the worker."""
        self._inner.stop()
        if self._control is not None:
            self._control.stop(0.0)


class RpcWorker:
    """Serves one topic, and says every heartbeat_s seconds that its service is alive."""

    def __init__(
        self,
        conf: Any,
        server: Any,
        heartbeat: Callable[[], None],
        companions: Sequence[Any] = (),
    ) -> None:
        """companions: what else starts and stops with the server."""
        self._conf = conf
        self._server = server
        self._heartbeat = heartbeat
        self._companions = companions
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Open the queue, then report: who is reported up can be sent messages."""
        failpoints.configure(self._conf.state_dir)
        self._server.start()
        failpoints.reload()  # what was armed before this worker could be told of it
        self._thread.start()
        for companion in self._companions:
            companion.start()

    def stop(self) -> None:
        """Finish the messages in hand, for at most graceful_stop_s seconds."""
        self._stopping.set()
        for companion in self._companions:
            companion.stop()
        self._server.stop(self._conf.graceful_stop_s)

    def _beat(self) -> None:
        has_beaten = False
        while True:
            try:
                self._heartbeat()
                has_beaten = True
                pause_s = float(self._conf.heartbeat_s)
            except Unavailable as error:
                # At start the conductor's queue may not be there yet: look again soon.
                LOG.log(logging.WARNING if has_beaten else logging.DEBUG, "no heartbeat: %s", error)
                pause_s = RETRY_S
            except Exception:
                LOG.exception("no heartbeat")
                pause_s = 1.0
            if self._stopping.wait(pause_s):
                return
