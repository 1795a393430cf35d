"""The request as controllers see it, and the reply they may return instead of a plain dict."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import webob

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.versions import ApiVersion

CONTEXT = "devstack_lite.context"
ISSUED = "devstack_lite.issued"
VALIDATED = "devstack_lite.validated"
STARTED = "devstack_lite.started"
REQUEST_ID = "openstack.request_id"
VERSION_HEADERS = "devstack_lite.version_headers"


_GLOBAL_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def global_id_of(environ: Mapping[str, Any]) -> str | None:
    """Return the id of the request that this one serves, if the caller sent one."""
    sent = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
    return sent if _GLOBAL_ID.fullmatch(sent) else None


class Request(webob.Request):  # type: ignore[misc]
    """A WebOb request with the context that the pipeline made and the version it asks for."""

    # WebOb keeps what its class does not know in a dictionary of the environ, and puts the URL
    # together each time: a list asks for them a dozen times for each thing.

    @property
    def api_version(self) -> ApiVersion:
        """The version that the request is answered in."""
        return self._api_version

    @api_version.setter
    def api_version(self, version: ApiVersion) -> None:
        self._api_version = version

    @cached_property
    def host_url(self) -> str:
        """The URL of the server, as the client reaches it."""
        url: str = super().host_url
        return url

    @cached_property
    def application_url(self) -> str:
        """The URL of this application, as the client reaches it."""
        url: str = super().application_url
        return url

    @property
    def context(self) -> RequestContext:
        """Who asks; the context filter put it there."""
        context: RequestContext = self.environ[CONTEXT]
        return context

    def since(self, major: int, minor: int) -> bool:
        """Say whether the request is answered in this microversion or a later one."""
        return self._api_version >= (major, minor)

    def json_value(self) -> Any:
        """Return what the body says in JSON; None when there is none. Raises Invalid."""
        if not self.content_length and not self.body:
            return None
        try:
            data = self.body
            body = json.loads(data, parse_constant=_refuse, parse_float=_finite)
            if data.count(b"[") + data.count(b"{") > MOST_DEEP:
                _check_depth(body)
            if b"\\ud" in data.lower():
                # Half a character, as JSON can write it, is no text for a database or a message.
                json.dumps(body, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise Invalid("Malformed request body") from error
        return body

    def json_object(self) -> dict[str, Any]:
        """Return the body. Raises Invalid when it is not a JSON object."""
        body = self.json_value()
        if not isinstance(body, dict):
            raise Invalid("Malformed request body: a JSON object is expected.")
        return body

    def public_url(self, path: str = "") -> str:
        """Return path below this application, as the client reaches it."""
        return f"{self.application_url}{path}"


MOST_DEEP = 64
"""Lists and objects of a body in each other. What goes on from here, by message or into the
database, is walked by functions that call themselves."""


def _check_depth(body: Any) -> None:
    """Raise ValueError for what is deeper than MOST_DEEP."""
    level = [body]
    for _ in range(MOST_DEEP + 1):
        inner = [one for one in level if isinstance(one, (dict, list))]
        if not inner:
            return
        level = [
            below for one in inner for below in (one.values() if isinstance(one, dict) else one)
        ]
    raise ValueError(f"more than {MOST_DEEP} levels")


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too much")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer with a status or headers of its own; body None sends none."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(slots=True, kw_only=True)
class ResponseObject:
    """The answer of a method as what extends it sees it: obj, code and headers may be changed."""

    obj: Any
    code: int
    headers: dict[str, str]
