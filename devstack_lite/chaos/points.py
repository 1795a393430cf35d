"""Arms failpoints in a running cloud, and says which processes they struck.

What is armed is a file; a fanout to every daemon has the workers read it. Nobody is told anything
before all workers that run have read it, but for those that are stopped or without a broker.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from devstack_lite import failpoints, processes
from devstack_lite.chaos import targets
from devstack_lite.cloud import Cloud, make_private_folder
from devstack_lite.context import service_context
from devstack_lite.exceptions import Unavailable
from devstack_lite.failpoints import Action, Failpoint, Firing

KNOWN_WITHIN_S = 5.0
LOOK_S = 0.01


class Points:
    """The failpoints of one cloud; close it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.folder: Path = cloud.state_dir / failpoints.FOLDER
        self._transport: Any = None

    def arm(self, wanted: Failpoint) -> tuple[Failpoint, list[int]]:
        """Arm a failpoint, with an id when it has none and a count when its action needs one.

        Returns it, and the pids of the workers that could not be told in time.
        """
        (made,), late = self.arm_all([wanted])
        return made, late

    def arm_all(self, wanted: Sequence[Failpoint]) -> tuple[list[Failpoint], list[int]]:
        """Arm several at once, likewise."""
        make_private_folder(self.folder)
        armed = [
            replace(
                one,
                id=one.id or uuid.uuid4().hex[:8],
                count=one.count or int(one.action in failpoints.ONCE),
            )
            for one in wanted
        ]
        for made in armed:
            path = self.folder / f"{made.id}.armed"
            fresh = path.with_suffix(".new")
            fresh.write_text(made.to_json())
            fresh.replace(path)
        return armed, self._tell()

    def forget(self, ids: Sequence[str]) -> None:
        """Disarm some at once, and tell nobody: who comes by sees that the file is gone."""
        for one in ids:
            (self.folder / f"{one}.armed").unlink(missing_ok=True)
            for path in self.folder.glob(f"{one}.*"):
                path.unlink(missing_ok=True)

    def disarm(self, failpoint_id: str | None = None) -> list[str]:
        """Disarm one, or all; what is held goes on. Returns the ids, in their order."""
        ids = [one.id for one in self.armed() if failpoint_id in {None, one.id}]
        for one in ids:
            (self.folder / f"{one}.armed").unlink(missing_ok=True)
        if ids:
            self._tell()
        for one in ids:
            for path in self.folder.glob(f"{one}.*"):
                path.unlink(missing_ok=True)
        return ids

    def armed(self) -> list[Failpoint]:
        """Return what is armed."""
        return failpoints.armed(self.folder)

    def firings(self, failpoint_id: str) -> list[Firing]:
        """Return where one fired, in order; the times that it was to be passed are among them."""
        found = []
        for path in self.folder.glob(f"{failpoint_id}.*.fired"):
            try:
                values = json.loads(path.read_text())
            except (OSError, ValueError):
                continue  # it is being written
            found.append(Firing(**{**values, "action": Action(values["action"])}))
        return sorted(found, key=lambda one: one.number)

    def release(self, firing: Firing) -> None:
        """Let what one firing holds go on."""
        failpoints.released(self.folder, firing).touch(mode=0o600)

    @contextmanager
    def while_armed(self, wanted: Failpoint) -> Iterator[Failpoint]:
        """Arm a failpoint for the time of the block."""
        made, _ = self.arm(wanted)
        try:
            yield made
        finally:
            self.disarm(made.id)

    def close(self) -> None:
        """Close the connection to the broker."""
        if self._transport is not None:
            self._transport.cleanup()
            self._transport = None

    def _tell(self) -> list[int]:
        """Have all workers read what is armed; return the pids of those that did not in time."""
        self._send()
        expected = {one.id for one in self.armed()}
        deadline = time.monotonic() + KNOWN_WITHIN_S
        while True:
            late = [pid for pid in self._workers() if self._known_to(pid) != expected]
            if not late or time.monotonic() > deadline:
                return late
            time.sleep(LOOK_S)

    def _send(self) -> None:
        from devstack_lite import launcher

        launcher.use_threads()  # before oslo.messaging is imported
        from devstack_lite.rpc.control import ControlAPI

        for topic in dict.fromkeys(one.daemon for one in processes.of(self._cloud)):
            try:
                ControlAPI(self._connect(), topic).reload_failpoints(service_context())
            except Unavailable:
                continue  # nobody listens there now: its next worker reads the folder

    def _connect(self) -> Any:
        if self._transport is None:
            import oslo_messaging
            from oslo_config import cfg

            # The library looks for some of its options on the global configuration alone.
            cfg.CONF([], project="devstack-lite", default_config_files=[])
            self._transport = oslo_messaging.get_rpc_transport(
                cfg.CONF, url=self._cloud.broker.transport_url
            )
        return self._transport

    def _workers(self) -> list[int]:
        return [
            worker.ref.pid
            for one in processes.of(self._cloud)
            for worker in targets.workers(self._cloud, one.name)
            if not targets.is_stopped(worker.ref)
        ]

    def _known_to(self, pid: int) -> set[str]:
        try:
            return set(json.loads((self.folder / "seen" / str(pid)).read_text()))
        except (OSError, ValueError):
            return set()
