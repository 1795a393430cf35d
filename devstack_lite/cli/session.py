"""A light client of the cloud's HTTP APIs: a token, requests with it, and its renewal.

The commands' only way to ask the cloud. It knows what any client knows: the identity's address,
a user and a password; the other addresses are in the catalog.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from devstack_lite.exceptions import DevstackError, NotFound, Unauthorized, Unavailable

CATALOG_TYPES = {"volumev3": "volume", "block-storage": "volume", "volume": "volume"}
"""The catalog's word for a service where ours is another."""


_NAME_FILTERS: dict[str, Callable[[str], str]] = {
    "/v2/images": str,
    "/v2.0/networks": str,
    "/servers": lambda name: f"^{re.escape(name)}$",
}
"""Lists that can be asked for a name, and how: a page of a list without it may not have it."""


class ApiError(DevstackError):
    """The API answered with an error; the text is the API's own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: Any
    """What the JSON says; None without."""


def send(
    method: str,
    url: str,
    *,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 30.0,
) -> Answer:
    """Send one request. Raises Unavailable (indefinite) when there is no answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    content = None if body is None else json.dumps(body)
    sent = {"Accept": "application/json", **(headers or {})}
    if content is not None:
        sent["Content-Type"] = "application/json"
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        connection.request(method, path, content, sent)
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        where = f"{parts.hostname}:{parts.port}"
        raise Unavailable(f"{where} does not answer: {error or type(error).__name__}.") from error
    finally:
        connection.close()
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        body=_parse(text),
    )


class Session:
    """One user in one project, logged in when first needed."""

    def __init__(
        self,
        credentials: Mapping[str, str],
        *,
        timeout_s: float = 60.0,
        request_id: str | None = None,
    ) -> None:
        """Take the OS_* variables of the user; request_id goes with every request."""
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._headers = {"X-OpenStack-Request-ID": request_id} if request_id else {}
        self._token: str | None = None
        self._endpoints: dict[str, str] = {}

    def login(self) -> None:
        """Get a token and the catalog. Raises Unauthorized for a wrong password."""
        known = self._credentials
        user = {
            "name": known["OS_USERNAME"],
            "domain": {"id": known["OS_USER_DOMAIN_ID"]},
            "password": known["OS_PASSWORD"],
        }
        project = {
            "name": known["OS_PROJECT_NAME"],
            "domain": {"id": known["OS_PROJECT_DOMAIN_ID"]},
        }
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": project},
            }
        }
        url = f"{known['OS_AUTH_URL']}/auth/tokens"
        answer = send("POST", url, body=body, headers=self._headers, timeout_s=self._timeout_s)
        if answer.status == http.client.UNAUTHORIZED:
            raise Unauthorized(f"Identity does not know {known['OS_USERNAME']} by this password.")
        if answer.status != http.client.CREATED:
            raise ApiError(answer.status, _message_of(answer))
        self._token = answer.headers["x-subject-token"]
        self._endpoints = _endpoints(answer.body["token"].get("catalog", []))

    def request(
        self, service: str, method: str, path: str, body: Any = None, *, version: str = ""
    ) -> Answer:
        """Ask a service (compute, image, network, volume, identity), whatever it answers.

        version: compute's microversion, if not its first.
        """
        more = {"OpenStack-API-Version": f"compute {version}"} if version else {}
        answer = self._send(service, method, path, body, more)
        if answer.status == http.client.UNAUTHORIZED:
            self._token = None  # it expired: get another one, once
            answer = self._send(service, method, path, body, more)
        return answer

    def call(
        self, service: str, method: str, path: str, body: Any = None, *, version: str = ""
    ) -> Any:
        """Ask a service; return what the answer's body says. Raises ApiError for 4xx and 5xx."""
        answer = self.request(service, method, path, body, version=version)
        if answer.status >= http.client.BAD_REQUEST:
            raise ApiError(answer.status, _message_of(answer))
        return answer.body

    def get(self, service: str, path: str, **query: Any) -> Any:
        """Return what a GET says."""
        return self.call(service, "GET", f"{path}?{urlencode(query)}" if query else path)

    def find(self, service: str, path: str, plural: str, wanted: str, **query: Any) -> Any:
        """Return the one resource of a list that has this id or name.

        Raises NotFound when none has, or when several have.
        """
        kind = plural.removesuffix("s")
        answer = self.request(service, "GET", f"{path}/{path_of(wanted)}")
        if answer.status == http.client.OK:
            return answer.body.get(kind, answer.body)
        if path in _NAME_FILTERS:
            query["name"] = _NAME_FILTERS[path](wanted)
        found = [
            one for one in self.get(service, path, **query)[plural] if one.get("name") == wanted
        ]
        if not found:
            raise NotFound(f"There is no {kind} {wanted}.", kind=kind)
        if len(found) > 1:
            raise NotFound(f"There are {len(found)} {plural} named {wanted}; give an id.")
        return found[0]

    def _send(
        self, service: str, method: str, path: str, body: Any, more: Mapping[str, str]
    ) -> Answer:
        if self._token is None:
            self.login()
        headers = {"X-Auth-Token": str(self._token), **self._headers, **more}
        url = self._endpoints.get(service)
        if url is None:
            raise NotFound(f"The catalog has no {service} service.")
        return send(method, f"{url}{path}", body=body, headers=headers, timeout_s=self._timeout_s)


def path_of(text: str) -> str:
    """Return text as one segment of a path."""
    return quote(text, safe="")


def _endpoints(catalog: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for service in catalog:
        name = CATALOG_TYPES.get(service["type"], service["type"])
        for endpoint in service["endpoints"]:
            if endpoint["interface"] == "public":
                found.setdefault(name, endpoint["url"].rstrip("/"))
    return found


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _message_of(answer: Answer) -> str:
    """Return the sentence in any of the forms that OpenStack's faults have."""
    if isinstance(answer.body, dict):
        for fault in answer.body.values():
            if isinstance(fault, dict) and "message" in fault:
                return f"{fault['message']} (HTTP {answer.status})"
            if isinstance(fault, str):
                return f"{fault} (HTTP {answer.status})"
    return f"The service answered {answer.status} without saying why."
