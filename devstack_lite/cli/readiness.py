"""Says when a boot would work: asks the cloud itself, over HTTP, as a client would."""

from __future__ import annotations

import contextlib
import http.client

from devstack_lite import cloud_files, processes
from devstack_lite.cli import session
from devstack_lite.cloud import Cloud
from devstack_lite.exceptions import DevstackError, Unavailable


class Readiness:
    """Asks, and asks what was good once not again."""

    def __init__(self, cloud: Cloud) -> None:
        self._table = processes.of(cloud)
        self._answering: set[str] = set()
        self._client = session.Session(cloud_files.credentials(cloud), timeout_s=5.0)
        self._has_token = False

    def missing(self) -> list[str]:
        """Return what is still waited for, empty when a boot would work."""
        silent = [one.name for one in self._table if one.url is not None and not self._answers(one)]
        if silent:
            return silent
        if not self._has_token:
            try:
                self._client.login()
            except DevstackError:
                return ["a token"]
            self._has_token = True
        return self._missing_services()

    def _answers(self, process: processes.Process) -> bool:
        if process.name not in self._answering:
            with contextlib.suppress(Unavailable):
                answer = session.send("GET", f"{process.url}/", timeout_s=2.0)
                if answer.status < http.client.INTERNAL_SERVER_ERROR:
                    self._answering.add(process.name)
        return process.name in self._answering

    def _missing_services(self) -> list[str]:
        expected = {
            (one.binary, one.host): one.name for one in self._table if one.binary is not None
        }
        try:
            services = self._client.get("compute", "/os-services")["services"]
        except DevstackError:
            return ["the list of services"]
        up = {(one["binary"], one["host"]) for one in services if one["state"] == "up"}
        return [name for service, name in expected.items() if service not in up]
