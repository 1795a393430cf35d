"""A light client of a Compute API: kept connections, and one watcher for all that boot.

Any OpenStack will do; it is known by OS_* variables and by the names of flavor, image and network.
Each thread that boots has a connection of its own. None of them polls: one watcher asks which
servers of this run are in BUILD (`GET /servers?status=BUILD&name=…`), no more often than every
20 ms, and tells each thread when its server is there no longer. So polling costs the cloud the same
for one client and for fifty, and a time from POST to ACTIVE is known to one such interval.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from devstack_lite.clients.http import Answer, HttpPeer
from devstack_lite.exceptions import DevstackError

POLL_S = 0.02
PAGE = 1000
BATCH = 200
TIMEOUT_S = 300.0
DELETERS = 10
DEFAULTS = {"OS_USER_DOMAIN_ID": "default", "OS_PROJECT_DOMAIN_ID": "default"}


class BenchmarkError(DevstackError):
    """What was to be measured did not happen; the message is one sentence for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is booted, by name; a prefix will do where nothing has the name itself."""

    flavor: str = "m1.tiny"
    image: str = "cirros"
    network: str = "private"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A token, and where the services are: URL by type."""

    token: str
    endpoints: Mapping[str, str]


def login_body(credentials: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of POST /auth/tokens for OS_* variables. Raises BenchmarkError without."""
    known = {**DEFAULTS, **credentials}
    try:
        user = {
            "name": known["OS_USERNAME"],
            "domain": _domain(known, "OS_USER_DOMAIN"),
            "password": known["OS_PASSWORD"],
        }
        project = {
            "name": known["OS_PROJECT_NAME"], "domain": _domain(known, "OS_PROJECT_DOMAIN")
        }  # fmt: skip
    except KeyError as error:
        raise BenchmarkError(f"{error.args[0]} is not in the environment.") from error
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": {"project": project}}}


def log_in(credentials: Mapping[str, str]) -> Login:
    """Get a token and the catalog. Raises BenchmarkError where identity refuses."""
    body = login_body(credentials)
    if "OS_AUTH_URL" not in credentials:
        raise BenchmarkError("OS_AUTH_URL is not in the environment.")
    url = credentials["OS_AUTH_URL"].rstrip("/")
    peer = HttpPeer(url if url.endswith("/v3") else f"{url}/v3")
    answer = peer.request("POST", "/auth/tokens", body=body)
    peer.close()
    if answer.status != 201:
        raise BenchmarkError(f"Identity answered {answer.status}: {answer.data[:200]!r}")
    region = credentials.get("OS_REGION_NAME")
    endpoints: dict[str, str] = {}
    for service in answer.json()["token"].get("catalog", []):
        for one in service["endpoints"]:
            if one["interface"] == "public" and region in {None, one.get("region")}:
                endpoints.setdefault(service["type"], one["url"].rstrip("/"))
    return Login(token=str(answer.headers.get("X-Subject-Token")), endpoints=endpoints)


class ComputeClient:
    """One user's servers, all of a name of this run; used by many threads. Close it."""

    def __init__(self, credentials: Mapping[str, str], run: str, wanted: Wanted) -> None:
        """Log in, and find the ids of what is wanted. Raises BenchmarkError where it is not."""
        self.login = log_in(credentials)
        self.run = run
        self._peers = {
            kind: HttpPeer(url, timeout_s=TIMEOUT_S)
            for kind, url in self.login.endpoints.items()
            if kind in {"compute", "image", "network"}
        }
        self._wanted = wanted
        self.server = self._server()

    def request(self, method: str, path: str, body: Any = None, kind: str = "compute") -> Answer:
        """Send one request on this thread's connection; never twice."""
        headers = {"X-Auth-Token": self.login.token, "Accept": "application/json"}
        if kind not in self._peers:
            raise BenchmarkError(f"The catalog has no {kind} service.")
        return self._peers[kind].request(
            method, path, headers=headers, body=body, is_repeatable=False
        )

    def ask(self, method: str, path: str) -> Answer:
        """Return a request's answer. Raises BenchmarkError for any status but 200."""
        answer = self.request(method, path)
        if answer.status != 200:
            raise BenchmarkError(f"{path} answered {answer.status}: {answer.data[:200]!r}")
        return answer

    def get(self, path: str, kind: str = "compute", **query: Any) -> Any:
        """Return what a GET says. Raises BenchmarkError for any status but 200."""
        answer = self.request("GET", f"{path}?{urlencode(query)}" if query else path, kind=kind)
        if answer.status != 200:
            raise BenchmarkError(f"GET {path} answered {answer.status}: {answer.data[:200]!r}")
        return answer.json()

    def boot(self, name: str, count: int = 1) -> str:
        """Ask for servers; return the first one's id. Raises BenchmarkError where refused."""
        body = {"server": {**self.server, "name": f"{self.run}-{name}"}}
        if count > 1:
            body["server"] |= {"min_count": count, "max_count": count}
        answer = self.request("POST", "/servers", body)
        if answer.status != 202:
            raise BenchmarkError(f"POST /servers answered {answer.status}: {answer.data[:200]!r}")
        return str(answer.json()["server"]["id"])

    def building(self) -> set[str]:
        """Return the ids of this run's servers that are in BUILD."""
        return {one["id"] for one in self._pages("/servers", status="BUILD")}

    def servers(self) -> list[dict[str, Any]]:
        """Return all servers of this run, in full."""
        return list(self._pages("/servers/detail"))

    def fill(self, count: int) -> None:
        """Boot count servers in batches, and wait. Raises BenchmarkError when one fails."""
        for begin in range(0, count, BATCH):
            self.boot(f"fill-{begin}", min(BATCH, count - begin))
            wait_until(lambda: not self.building())
        self.check(count)

    def delete(self, server_id: str) -> None:
        """Ask for a server's end. Raises BenchmarkError where that is refused."""
        answer = self.request("DELETE", f"/servers/{server_id}")
        if answer.status not in {204, 404}:
            raise BenchmarkError(f"DELETE answered {answer.status}: {answer.data[:200]!r}")

    def delete_all(self, clients: int = DELETERS) -> int:
        """Delete this run's servers over so many connections and wait; return how many there were.

        Raises BenchmarkError when some are there after TIMEOUT_S.
        """
        ids = [one["id"] for one in self._pages("/servers")]
        in_threads(clients, ids, self.delete)
        wait_until(lambda: not self.get("/servers", name=f"^{self.run}", limit=1)["servers"])
        return len(ids)

    def check(self, expected: int) -> Counter[str]:
        """Return this run's servers by status. Raises BenchmarkError unless all are ACTIVE."""
        found = self.servers()
        states = Counter(str(one["status"]) for one in found)
        if states != Counter({"ACTIVE": expected}):
            fault = next((one["fault"].get("message") for one in found if one.get("fault")), "none")
            raise BenchmarkError(
                f"{expected} were to be ACTIVE, and there are {dict(states)}; a fault: {fault}"
            )
        return states

    def close(self) -> None:
        """Close this thread's connections."""
        for peer in self._peers.values():
            peer.close()

    def _pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        marker: dict[str, str] = {}
        while True:
            page = self.get(path, name=f"^{self.run}", limit=PAGE, **query, **marker)["servers"]
            yield from page
            if len(page) < PAGE:
                return
            marker = {"marker": page[-1]["id"]}

    def _server(self) -> dict[str, Any]:
        wanted = self._wanted
        network = self._find("network", "/v2.0/networks", "networks", wanted.network)
        return {
            "flavorRef": self._find("compute", "/flavors", "flavors", wanted.flavor),
            "imageRef": self._find("image", "/v2/images", "images", wanted.image),
            "networks": [{"uuid": network}],
        }

    def _find(self, kind: str, path: str, plural: str, name: str) -> str:
        found = self.get(path, kind)[plural]
        named = [one for one in found if one["name"] == name]
        alike = [one for one in found if one["name"].startswith(name)]
        for one in (*named, *alike):
            return str(one["id"])
        raise BenchmarkError(f"There is none of {name} among the {plural}.")


def _domain(known: Mapping[str, str], prefix: str) -> dict[str, str]:
    name = known.get(f"{prefix}_NAME")
    return {"name": name} if name else {"id": known[f"{prefix}_ID"]}


def wait_until(look: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
    """Look every 0.1 s until the answer is true. Raises BenchmarkError when it never is."""
    deadline = time.monotonic() + timeout_s
    while not look():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"It did not come to its end within {timeout_s:g} s.")
        time.sleep(0.1)


def in_threads(threads: int, items: list[Any], act: Callable[[Any], Any]) -> list[Any]:
    """Return act of each item, so many at a time; raises what the first failing one raised."""
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(act, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class Watcher:
    """Knows when servers leave BUILD. One thread asks for all; see the module's docstring."""

    def __init__(self, client: ComputeClient) -> None:
        self._client = client
        self._changed = threading.Condition()
        self._posted: dict[str, float] = {}
        self._left: dict[str, float] = {}
        self._is_over = False
        self._error: Exception | None = None
        self.polls = 0
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def wait_for(self, server_id: str) -> float:
        """Return when a server was first seen not to be in BUILD, on time.perf_counter's scale.

        Raises BenchmarkError after TIMEOUT_S, or when the watcher cannot ask any more.
        """
        with self._changed:
            self._posted[server_id] = time.perf_counter()
            self._changed.notify_all()
            known = self._changed.wait_for(
                lambda: server_id in self._left or self._error is not None, TIMEOUT_S
            )
            if self._error is not None:
                raise BenchmarkError(f"The watcher ended: {self._error}") from self._error
            if not known:
                raise BenchmarkError(f"{server_id} is in BUILD after {TIMEOUT_S:g} s.")
            return self._left.pop(server_id)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join()

    def _watch(self) -> None:
        try:
            while self._wait_for_somebody():
                began = time.perf_counter()
                building = self._client.building()
                self.polls += 1
                self._tell(building, began)
                time.sleep(max(0.0, began + POLL_S - time.perf_counter()))
        except (DevstackError, OSError, ValueError) as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()
        finally:
            self._client.close()

    def _wait_for_somebody(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._posted or self._is_over)
            return not self._is_over

    def _tell(self, building: set[str], asked_at: float) -> None:
        now = time.perf_counter()
        with self._changed:
            over = [
                one for one, posted in self._posted.items()
                if posted <= asked_at and one not in building
            ]  # fmt: skip
            for one in over:
                del self._posted[one]
                self._left[one] = now
            self._changed.notify_all()


@contextmanager
def client_of(
    credentials: Mapping[str, str], run: str, wanted: Wanted | None = None
) -> Iterator[ComputeClient]:
    """Yield a client, and delete its servers at the end, whatever happens."""
    client = ComputeClient(credentials, run, wanted or Wanted())
    try:
        yield client
    finally:
        client.delete_all()
        client.close()
