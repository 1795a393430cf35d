"""A REST service in one process: its real pipeline, a real conductor behind an in-process broker.

Only identity is a stand-in: a token spells what it says, `user:project:role,role`.
"""

from __future__ import annotations

import datetime
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import webob

from devstack_lite import conf as options
from devstack_lite import launcher

launcher.use_threads()

from oslo_config import cfg  # noqa: E402

from devstack_lite.clients.identity import TokenInfo  # noqa: E402
from devstack_lite.db.claims import NODE_VERSION  # noqa: E402
from devstack_lite.db.engine import Database  # noqa: E402
from devstack_lite.db.schema import counters, metadata  # noqa: E402
from devstack_lite.exceptions import Unauthorized  # noqa: E402
from devstack_lite.rpc.server import RpcServer  # noqa: E402
from devstack_lite.rpc.transport import get_transport  # noqa: E402
from devstack_lite.wsgi.middleware import authtoken  # noqa: E402
from devstack_lite.wsgi.server import HttpWorker, bind  # noqa: E402
from services.conductor.manager import endpoints_of, make_dispatcher  # noqa: E402

ADMIN_PROJECT = "a" * 32
DEMO_PROJECT = "d" * 32
OTHER_PROJECT = "e" * 32
ADMIN = f"admin:{ADMIN_PROJECT}:admin,member,reader"
DEMO = f"demo:{DEMO_PROJECT}:member,reader"
OTHER = f"other:{OTHER_PROJECT}:member,reader"


class StandInIdentity:
    """Believes tokens of the form user:project:role,role."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        pass

    def validate(self, token: str, **_about: object) -> TokenInfo:
        """Return what the token spells."""
        parts = token.split(":")
        if len(parts) != 3:
            raise Unauthorized("The request you have made requires authentication.")
        user, project, roles = parts
        return TokenInfo(
            token=token,
            user_id=user,
            user_name=user,
            project_id=project or None,
            project_name=project,
            roles=tuple(roles.split(",")),
            expires_at=datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC),
            validated_by=1,
        )


@dataclass
class Answer:
    """What a service answered."""

    status: int
    headers: Any
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Api:
    """Sends requests to one WSGI application."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = DEMO,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        request = webob.Request.blank(path, method=method, base_url="http://cloud.test:80")
        if token:
            request.headers["X-Auth-Token"] = token
        if body is not None:
            request.body = json.dumps(body).encode()
            request.content_type = "application/json"
        if data is not None:
            request.body = data
        request.headers.update(headers or {})
        response = request.get_response(self.app)
        return Answer(status=response.status_int, headers=response.headers, data=response.body)


@dataclass
class Cloud:
    """A conductor, a database, and how to make a service's application."""

    conf: Any
    db: Database
    state_dir: Path
    load: Callable[[str], Any]
    workers: list[HttpWorker] = field(default_factory=list)

    def serve(self, name: str) -> str:
        """Serve a service by HTTP, as its worker does, until the end; return its URL."""
        listener = bind("127.0.0.1", 0)
        worker = HttpWorker(listener, self.load(name), threads=4)
        worker.start()
        self.workers.append(worker)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def api(self, name: str) -> Api:
        """Return a way to send requests to the service of that name."""
        return Api(self.load(name))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Give a fresh database with a conductor; the services read it through a read-only URL.

    DEVSTACK_LITE_TEST_DATABASE names another database than SQLite, whose tables are made anew.
    """
    state_dir = tmp_path_factory.mktemp("cloud")
    path = state_dir / "cloud.sqlite"
    other_url = os.environ.get("DEVSTACK_LITE_TEST_DATABASE", "")
    db = Database(other_url or f"sqlite:///{path}")
    if other_url:
        metadata.drop_all(db.engine)
        with db.write() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))
    metadata.create_all(db.engine)
    with db.write() as connection:
        connection.execute(counters.insert().values(name=NODE_VERSION, value=0))
    conf = options.register(cfg.CONF)
    conf([], project="devstack-lite", default_config_files=[])
    conf.set_override("state_dir", str(state_dir))
    reader_url = other_url or f"sqlite:///file:{path}?mode=ro&uri=true"
    conf.set_override("connection", reader_url, group="database")
    get_transport(conf)  # registers transport_url
    conf.set_override("transport_url", "fake:/")
    server = RpcServer(
        get_transport(conf),
        topic="conductor",
        server="tests",
        endpoints=endpoints_of(conf, db, make_dispatcher(conf, get_transport(conf))),
        threads=4,
    )
    server.start()
    patch = pytest.MonkeyPatch()
    patch.setattr(authtoken, "IdentityClient", StandInIdentity)

    def load(name: str) -> Any:
        from devstack_lite.wsgi.app import load_app

        return load_app(conf, name)

    made = Cloud(conf=conf, db=db, state_dir=state_dir, load=load)
    yield made
    for worker in made.workers:
        worker.stop()
    patch.undo()
    stopper = threading.Thread(target=server.stop, args=(1.0,))
    stopper.start()
    stopper.join(timeout=10)
    conf.reset()
    conf.clear_override("transport_url")
    db.engine.dispose()
