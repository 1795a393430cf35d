"""Clients of the cloud: they send what the plan says, and see when it is over.

Over HTTP alone, as any client. Each server's requests go out one after the other, in the plan's
order; servers do not wait for each other. What was accepted is over when a list that was asked for
afterwards shows no task_state, or no server.
"""

from __future__ import annotations

import http.client
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from devstack_lite.chaos.history import History, Outcome
from devstack_lite.chaos.plan import Action, Operation
from devstack_lite.cli.session import Answer, Session, path_of
from devstack_lite.exceptions import DevstackError, Unavailable

CLIENTS = 24
"""Requests at once: a paused worker of the API holds some until it goes on."""
TIMEOUT_S = 30.0
"""What a client waits for an answer. No pause of a plan is as long."""
LOOK_S = 0.1
"""Between two lists; a recovery is seen that much too late at worst, and the list's own time."""
LOOK_TIMEOUT_S = 2.0
"""A list that a paused worker holds is asked for again, of another."""
MOST_SERVERS = 1000

BODIES: Mapping[Action, dict[str, Any]] = {
    Action.STOP: {"os-stop": None},
    Action.START: {"os-start": None},
    Action.REBOOT: {"reboot": {"type": "HARD"}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What every server of a load is booted with; ids."""

    flavor_id: str
    image_id: str
    network_id: str


@dataclass(slots=True)
class _Accepted:
    operation: Operation
    answered_at: float


@dataclass(slots=True)
class _Server:
    """One server as its client knows it."""

    name: str
    id: str | None = None
    waiting: deque[Operation] = field(default_factory=deque)
    is_busy: bool = False
    accepted: list[_Accepted] = field(default_factory=list)


def find_sizes(client: Session) -> Sizes:
    """Return the ids of the smallest flavor, the image and the network that every cloud has."""
    return Sizes(
        flavor_id=client.find("compute", "/flavors", "flavors", "m1.tiny")["id"],
        image_id=client.find("image", "/v2/images", "images", "cirros")["id"],
        network_id=client.find("network", "/v2.0/networks", "networks", "private")["id"],
    )


class Load:
    """Sends operations and watches them, on threads of its own, until it is closed."""

    def __init__(
        self, credentials: Mapping[str, str], history: History, *, prefix: str, sizes: Sizes
    ) -> None:
        """prefix: what the names of this load's servers begin with, and no other's."""
        self._credentials = credentials
        self._history = history
        self._prefix = prefix
        self._sizes = sizes
        self._changed = threading.Condition()
        self._servers: dict[int, _Server] = {}
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(CLIENTS, thread_name_prefix="client")
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._watcher.start()

    def submit(self, operation: Operation) -> None:
        """Send an operation as soon as its server's earlier ones are answered."""
        with self._changed:
            server = self._servers.setdefault(
                operation.server, _Server(f"{self._prefix}-{operation.server}")
            )
            server.waiting.append(operation)
            if not server.is_busy:
                server.is_busy = True
                self._pool.submit(self._send_waiting, server)

    def under_way(self) -> list[int]:
        """Return the numbers of the operations that are not answered, or accepted and not over."""
        with self._changed:
            return sorted(
                number
                for server in self._servers.values()
                for number in (
                    *(one.number for one in server.waiting),
                    *(one.operation.number for one in server.accepted),
                )
            )

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is under way; say whether that came about."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not any(one.waiting or one.accepted for one in self._servers.values()),
                timeout_s,
            )

    def list_servers(self, session: Session | None = None) -> list[dict[str, Any]]:
        """Return this load's servers as the API shows them. Raises Unavailable, ApiError."""
        client = session or Session(self._credentials, timeout_s=TIMEOUT_S)
        query = {"name": f"^{self._prefix}-", "limit": MOST_SERVERS}
        found: list[dict[str, Any]] = []
        marker: dict[str, str] = {}
        while True:
            page = client.get("compute", "/servers/detail", **query, **marker)
            found += page["servers"]
            if not page["servers"] or "servers_links" not in page:
                return found
            marker = {"marker": page["servers"][-1]["id"]}

    def close(self) -> None:
        """End the threads; what is under way goes on without anybody who looks."""
        self._closing.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._watcher.join(2 * LOOK_TIMEOUT_S)

    # Sending

    def _send_waiting(self, server: _Server) -> None:
        while True:
            with self._changed:
                if not server.waiting or self._closing.is_set():
                    server.is_busy = False
                    self._changed.notify_all()
                    return
                operation = server.waiting[0]
            accepted = self._send(server, operation)
            with self._changed:
                server.waiting.popleft()
                if accepted is not None:
                    server.accepted.append(accepted)
                self._changed.notify_all()

    def _send(self, server: _Server, operation: Operation) -> _Accepted | None:
        """Ask, and note what is answered; return the operation if it was accepted."""
        number = operation.number
        if operation.action is not Action.BOOT and server.id is None:
            self._history.add("request", number=number, action=operation.action,
                              server=operation.server, name=server.name)  # fmt: skip
            self._history.add("answer", number=number, outcome=Outcome.SKIPPED, status=None,
                              detail="its boot was not accepted")  # fmt: skip
            return None
        self._history.add("request", number=number, action=operation.action,
                          server=operation.server, name=server.name,
                          server_id=server.id)  # fmt: skip
        try:
            answer = self._ask(server, operation)
        except Unavailable as error:
            self._history.add("answer", number=number, outcome=Outcome.INDEFINITE, status=None,
                              detail=str(error))  # fmt: skip
            return None
        except DevstackError as error:
            # Identity gave no token: nothing was asked of compute.
            self._history.add("answer", number=number, outcome=Outcome.REFUSED,
                              status=getattr(error, "status", None),
                              detail=f"no token: {error}")  # fmt: skip
            return None
        return self._note_answer(server, operation, answer)

    def _note_answer(
        self, server: _Server, operation: Operation, answer: Answer
    ) -> _Accepted | None:
        is_accepted = answer.status < http.client.BAD_REQUEST
        if is_accepted and operation.action is Action.BOOT:
            server.id = answer.body["server"]["id"]
        event = self._history.add(
            "answer",
            number=operation.number,
            outcome=Outcome.ACCEPTED if is_accepted else Outcome.REFUSED,
            status=answer.status,
            request_id=answer.headers.get("x-openstack-request-id"),
            retry_after=answer.headers.get("retry-after"),
            server_id=server.id,
            detail=None if is_accepted else _fault_of(answer),
        )
        return _Accepted(operation, event["at"]) if is_accepted else None

    def _ask(self, server: _Server, operation: Operation) -> Answer:
        client = self._session()
        if operation.action is Action.BOOT:
            body = {
                "name": server.name,
                "flavorRef": self._sizes.flavor_id,
                "imageRef": self._sizes.image_id,
                "networks": [{"uuid": self._sizes.network_id}],
            }
            return client.request("compute", "POST", "/servers", {"server": body})
        path = f"/servers/{path_of(str(server.id))}"
        if operation.action is Action.DELETE:
            return client.request("compute", "DELETE", path)
        return client.request("compute", "POST", f"{path}/action", BODIES[operation.action])

    def _session(self) -> Session:
        """Return this thread's session: one is not made for several threads."""
        if not hasattr(self._own, "session"):
            self._own.session = Session(self._credentials, timeout_s=TIMEOUT_S)
        session: Session = self._own.session
        return session

    # Watching

    def _watch(self) -> None:
        client = Session(self._credentials, timeout_s=LOOK_TIMEOUT_S)
        while not self._closing.is_set():
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        any(one.accepted for one in self._servers.values())
                        or self._closing.is_set()
                    ),
                    LOOK_S,
                )
                open_ends = any(one.accepted for one in self._servers.values())
            if open_ends:
                self._look(client)
            self._closing.wait(LOOK_S)

    def _look(self, client: Session) -> None:
        asked_at = self._history.now()
        try:
            seen = {one["id"]: one for one in self.list_servers(client)}
        except DevstackError:
            return  # the API has trouble of its own: the next look tells
        with self._changed:
            for server in self._servers.values():
                over = [
                    one
                    for one in server.accepted
                    if one.answered_at < asked_at
                    and _is_over(one.operation.action, seen.get(str(server.id)))
                ]
                for one in over:
                    self._note_finished(one.operation, seen.get(str(server.id)))
                    server.accepted.remove(one)
            self._changed.notify_all()

    def _note_finished(self, operation: Operation, seen: dict[str, Any] | None) -> None:
        status = "gone" if seen is None else seen["status"]
        fault = (seen or {}).get("fault", {}).get("message")
        more = {"detail": fault} if fault else {}
        self._history.add("finished", number=operation.number, status=status, **more)


def _is_over(action: Action, seen: dict[str, Any] | None) -> bool:
    """Say whether an accepted operation is over, by a list that was asked for after its answer."""
    if seen is None:
        return True
    if action is Action.DELETE:
        return False
    return seen["OS-EXT-STS:task_state"] is None and seen["status"] != "BUILD"


def _fault_of(answer: Answer) -> str:
    """Return the message of an OpenStack fault, whose one key is the fault's name."""
    if isinstance(answer.body, dict):
        for fault in answer.body.values():
            if isinstance(fault, dict) and "message" in fault:
                return str(fault["message"])
    return f"HTTP {answer.status} without a message"
