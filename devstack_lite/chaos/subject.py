"""One server of which an action is asked, while workers die over it.

A client whose connection broke, or who got a 503, asks again, as clients do, and only when the
database holds nothing of its request.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from devstack_lite import cloud_files
from devstack_lite.chaos.asked import ServerAction
from devstack_lite.chaos.server_actions import PREPARING, TRAVELS_SLOWLY
from devstack_lite.cli.session import ApiError, Session
from devstack_lite.cloud import Cloud
from devstack_lite.context import new_request_id
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import device_changes, instance_actions, instances, migrations, ports
from devstack_lite.exceptions import DevstackError, Unavailable

WAIT_S = 60.0
LOOK_S = 0.02
BUSY = (503, 409)
"""Answers after which a client asks again: nothing was done."""


def wait(look: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """Look until the answer is true, for so long at most; return the last answer."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return seen


class Subject:
    """A server by its name; db is read-only."""

    def __init__(
        self,
        cloud: Cloud,
        db: Database,
        name: str,
        boot_body: Mapping[str, Any],
        actions: Mapping[str, ServerAction],
    ) -> None:
        """boot_body: of POST /servers."""
        self.name = name
        self.uuid = ""
        self.request_id = new_request_id()
        """Sent with what is asked by ask(), and with nothing else."""
        self.asked_again = False
        self._cloud = cloud
        self._db = db
        self._body = boot_body["server"]
        self._actions = {**actions, **PREPARING}
        credentials = cloud_files.credentials(cloud)
        self._client = Session(credentials)
        self._marked = Session(credentials, request_id=self.request_id)
        self._volume = ""
        self._dead_host = ""

    # -- what is there

    def row(self) -> Any:
        """Return the instance's row, or None when it is gone."""
        own = instances.c
        return self._first(
            sa.select(own.uuid, own.vm_state, own.task_state, own.attempt, own.host).where(
                own.name == self.name, own.deleted_at.is_(None)
            )
        )

    def state(self, action: ServerAction) -> str | None:
        """Return what the server is, and what of the action does not hold; None while it is busy.

        What an action that is asked for is not expected to change at once is not judged: ask again.
        """
        row = None if action.is_errand else self.row()
        if action.is_errand:
            state = "done"
        elif row is None:
            state = "deleted"
        elif row.task_state is not None or self._changes():
            return None
        else:
            state = str(row.vm_state)
        for query, wanted in (action.holds or {}).items():
            found = self._value(query)
            if found != wanted:
                state += f", {query!r} says {found!r}"
        return state

    def shown(self, action: ServerAction) -> str:
        """Return what a client sees otherwise than the action wants it."""
        if not action.shows:
            return ""
        path = f"/servers/{self.uuid}"
        seen = self._client.call("compute", "GET", path, version="2.90")["server"]
        wrong = {key: seen.get(key) for key, value in action.shows.items() if seen[key] != value}
        return f", shown {wrong}" if wrong else ""

    def recorded(self, action: ServerAction) -> list[list[tuple[str, str | None]]]:
        """Return the instance's actions of that name: of each, its events and their results."""
        if not action.recorded:
            return []
        path = f"/servers/{self.uuid}/os-instance-actions"
        listed = self._client.call("compute", "GET", path, version="2.58")["instanceActions"]
        shown = [
            self._client.call("compute", "GET", f"{path}/{one['request_id']}", version="2.58")
            for one in listed
            if one["action"] == action.recorded
        ]
        return [
            [(event["event"], event["result"]) for event in one["instanceAction"]["events"]]
            for one in shown
        ]

    def _changes(self) -> bool:
        query = sa.select(device_changes.c.id).where(device_changes.c.instance_uuid == self.uuid)
        return self._first(query) is not None

    def _value(self, query: str) -> Any:
        values = {"uuid": self.uuid, "name": self.name, "volume": self._volume}
        bound = {key: value for key, value in values.items() if f":{key}" in query}
        row = self._first(sa.text(query), bound)
        return None if row is None else row[0]

    def _first(self, query: Any, values: Mapping[str, Any] | None = None) -> Any:
        with self._db.read() as connection:
            return connection.execute(query, values or {}).first()

    # -- what is asked

    def boot(self, *, zone: str = "", is_slow: bool = False) -> str:
        """Have the server there, in that zone; return its state, which should be active.

        is_slow: its live migration lasts, with a profile that says so.
        """
        more = {
            **({"availability_zone": zone} if zone else {}),
            **({"metadata": TRAVELS_SLOWLY} if is_slow else {}),
        }
        booting = ServerAction(boot=more)
        self._send(self._client, booting)
        return self.end(booting)

    def prepare(self, action: ServerAction) -> str:
        """Bring the server to where the action can be asked for; return what went wrong."""
        if action.is_on_dead_host:
            self._dead_host = str(self.row().host)
            self._force_down(is_down=True)
        if action.has_volume:
            self._make_volume()
        for name in action.before:
            earlier = self._actions[name]
            self._send(self._client, earlier)
            state = self.end(earlier)
            if state != earlier.vm_state:
                return f"after {name} it was {state}"
        if action.during:
            self._send(self._client, self._actions[action.during])
            if not wait(self._migration):
                return f"{action.during} was over too soon"
        return ""

    def ask(self, action: ServerAction) -> None:
        """Ask for the action, with the marked requests."""
        self._send(self._marked, action)

    def end(self, action: ServerAction, timeout_s: float = WAIT_S) -> str:
        """Wait until the action has come true; return what there is then, or at the time's end."""

        def look() -> str | None:
            state = self.state(action)
            is_failed = state is not None and state.startswith("error")
            return state if is_failed or state == action.vm_state else None

        found = wait(look, timeout_s) or self.state(action)
        if found is not None:
            return str(found)
        row = self.row()
        return "busy" if row is None else f"{row.vm_state}/{row.task_state}"

    def remove(self, action: ServerAction) -> None:
        """Have neither the server nor what was made for it, or for the action."""
        if self._dead_host:
            self._force_down(is_down=False)
            self._dead_host = ""
        for method, path, body in action.undo:
            with contextlib.suppress(ApiError):
                self._client.call("compute", method, self._fill(path, action), body)
        if self.row() is not None:
            self._client.call(
                "compute", "POST", f"/servers/{self.uuid}/action", {"forceDelete": None}
            )
            wait(lambda: self.row() is None)
        for image in self._client.get("image", "/v2/images", name=self.name)["images"]:
            self._client.call("image", "DELETE", f"/v2/images/{image['id']}")
        if self._volume:
            wait(lambda: self._volume_status() in {None, "available", "error"})
            if self._volume_status():
                self._client.call("volume", "DELETE", f"/volumes/{self._volume}")

    def _send(self, client: Session, action: ServerAction) -> None:
        path, body = self._request(action)
        was_taken = self._was_taken(action)
        self._insist(client, action.method, path, body, was_taken, action.version)
        if action.boot is not None and (row := self.row()):
            self.uuid = row.uuid

    def _request(self, action: ServerAction) -> tuple[str, Any]:
        """Return the action's path and body."""
        if action.boot is not None:
            wanted = {**self._body, "name": self.name, **self._fill(dict(action.boot), action)}
            return "/servers", {"server": {k: v for k, v in wanted.items() if v is not None}}
        path = action.path if action.is_errand else f"/servers/{self.uuid}{action.path}"
        return self._fill(path, action), self._fill(action.body, action)

    def _was_taken(self, action: ServerAction) -> Callable[[], bool]:
        """Return what says whether the action, asked for from now on, was heard."""
        if action.boot is not None:
            return lambda: self.row() is not None
        if action.is_synchronous and not action.recorded:
            # What leaves no trace is asked again: it says the same twice.
            if not action.holds or self.state(action) == action.vm_state:
                return lambda: False
            return lambda: self.state(action) == action.vm_state
        before = self._count(action.recorded)
        attempt = getattr(self.row(), "attempt", None)

        def look() -> bool:
            now = self.row()
            # What is under way besides may be handed out again meanwhile.
            is_other = now is None or (now.attempt != attempt and not action.during)
            return is_other or self._count(action.recorded) != before

        return look

    def _count(self, recorded: str) -> int:
        own = instance_actions.c
        query = sa.select(sa.func.count()).where(
            own.instance_uuid == self.uuid, own.action == recorded
        )
        return int(self._first(query)[0]) if recorded else 0

    def _insist(
        self,
        client: Session,
        method: str,
        path: str,
        body: Any,
        was_taken: Callable[[], bool],
        version: str,
    ) -> None:
        """Ask; ask again, once answers come, what was refused or not answered and not taken."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                client.call("compute", method, path, body, version=version)
            except (ApiError, Unavailable) as error:
                if was_taken():
                    return
                is_refused = isinstance(error, ApiError) and error.status not in BUSY
                if is_refused or time.monotonic() > deadline:
                    raise
                self.asked_again = True
                time.sleep(LOOK_S)
            else:
                return

    def _fill(self, value: Any, action: ServerAction) -> Any:
        """Return a body or path with the ids that it names."""
        text = json.dumps(value)
        for name, found in (
            ("image", lambda: self._body["imageRef"]),
            ("network", lambda: self._body["networks"][0]["uuid"]),
            ("name", lambda: self.name),
            ("volume", lambda: self._volume),
            ("port", self._port),
            ("found", lambda: self._value(action.finds)),
            ("migration", self._migration),
        ):
            mark = f"{{{name}}}"
            if mark in text:
                text = text.replace(mark, str(found()))
        return json.loads(text)

    def _port(self) -> str:
        query = sa.select(ports.c.id).where(ports.c.device_id == self.uuid)
        return str(self._first(query.order_by(ports.c.created_at.desc()))[0])

    def _migration(self) -> int | None:
        own = migrations.c
        query = sa.select(own.id).where(own.instance_uuid == self.uuid, own.status == "running")
        row = self._first(query)
        return None if row is None else int(row[0])

    def _make_volume(self) -> None:
        body = {"volume": {"size": 1, "name": self.name}}
        self._volume = str(self._client.call("volume", "POST", "/volumes", body)["volume"]["id"])
        if not wait(lambda: self._volume_status() == "available"):
            raise DevstackError(f"volume {self._volume} is {self._volume_status()}")

    def _volume_status(self) -> Any:
        return self._value("SELECT status FROM volumes WHERE id = :volume")

    def _force_down(self, *, is_down: bool) -> None:
        body = {"host": self._dead_host, "binary": "nova-compute", "forced_down": is_down}
        self._client.call("compute", "PUT", "/os-services/force-down", body, version="2.11")
