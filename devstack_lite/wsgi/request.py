"""The request as controllers see it, and the reply they may return instead of a plain dict."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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

    api_version: ApiVersion

    @property
    def context(self) -> RequestContext:
        """Who asks; the context filter put it there."""
        context: RequestContext = self.environ[CONTEXT]
        return context

    def since(self, major: int, minor: int) -> bool:
        """Say whether the request is answered in this microversion or a later one."""
        return self.api_version >= ApiVersion(major, minor)

    def json_value(self) -> Any:
        """Return what the body says in JSON; None when there is none. Raises Invalid."""
        if not self.content_length and not self.body:
            return None
        try:
            body = json.loads(self.body)
            if b"\\ud" in self.body.lower():
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
