"""Errors as HTTP: the one place where a domain exception becomes a status and a fault's name.

Each service speaks its own project's format; the formats are the functions at the end.
"""

from __future__ import annotations

import http
from collections.abc import Callable
from typing import Any

from oslo_context.context import get_current

from devstack_lite import exceptions

STATUS: dict[type[Exception], int] = {
    exceptions.Invalid: 400,
    exceptions.Unauthorized: 401,
    exceptions.Forbidden: 403,
    exceptions.QuotaExceeded: 403,
    exceptions.NotFound: 404,
    exceptions.Conflict: 409,
    exceptions.InstanceInvalidState: 409,
    exceptions.InstanceIsLocked: 409,
    exceptions.StaleAttempt: 409,
    exceptions.NoValidHost: 409,
    exceptions.Unavailable: 503,
}


class HttpError(Exception):
    """An error that only HTTP has (405, 406, 413, 415, …)."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


class UnexpectedError(Exception):
    """A method failed in a way that its notes do not name: a 500, whatever the error was."""


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error; 500 for one that nobody expected."""
    if isinstance(error, HttpError):
        return error.status
    for cls in type(error).__mro__:
        if cls in STATUS:
            return STATUS[cls]
    return 500


def text_of(error: Exception, status: int) -> str:
    """Return what the user may read of an error; the inside of one nobody expected stays inside."""
    if status == 500 and not isinstance(error, HttpError):
        return (
            "Unexpected API Error. The log of the service, searched for this request's id, says"
            " more."
        )
    return str(getattr(error, "message", None) or error)


_COMPUTE_NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def compute_fault(status: int, message: str, error: Exception) -> Any:
    """Nova's and Cinder's form: {"itemNotFound": {"code": 404, "message": …}}."""
    said: dict[str, Any] = {"code": status, "message": message}
    retry_after = (getattr(error, "headers", None) or {}).get("Retry-After")
    if status in {413, 429} and retry_after:
        said["retryAfter"] = retry_after
    return {_COMPUTE_NAMES.get(status, "computeFault"): said}


def identity_fault(status: int, message: str, error: Exception) -> Any:
    """Keystone's form."""
    title = http.HTTPStatus(status).phrase
    return {"error": {"code": status, "message": message, "title": title}}


def network_fault(status: int, message: str, error: Exception) -> Any:
    """Neutron's form; the type says what was not found, or what was wrong.

    A kind with a capital is a type as it stands, any other is a resource or a reason.
    """
    kind = str(getattr(error, "kind", "") or "")
    suffix = {404: "NotFound", 409: "InUse", 400: ""}.get(status)
    name = f"{kind[:1].upper()}{kind[1:]}{suffix}" if kind and suffix is not None else ""
    if kind[:1].isupper():
        name = kind
    if not name:
        name = f"HTTP{http.HTTPStatus(status).phrase.replace(' ', '')}"
    return {"NeutronError": {"type": name, "message": message, "detail": ""}}


def image_fault(status: int, message: str, error: Exception) -> Any:
    """WebOb's form, which Glance answers with."""
    title = http.HTTPStatus(status).phrase
    return {"code": f"{status} {title}", "title": title, "message": message}


def placement_fault(status: int, message: str, error: Exception) -> Any:
    """Placement's form, which is that of the API working group."""
    title = http.HTTPStatus(status).phrase
    context = get_current()
    one = {"status": status, "title": title, "detail": message, "code": "placement.undefined_code"}
    if context is not None:
        one["request_id"] = context.request_id
    return {"errors": [one]}


def metadata_fault(status: int, message: str, error: Exception) -> Any:
    """WebOb's plain text, which Nova's metadata API answers with."""
    return f"{status} {http.HTTPStatus(status).phrase}\n\n{message}\n\n".encode()


FORMATS: dict[str, Callable[[int, str, Exception], Any]] = {
    "compute": compute_fault,
    "volume": compute_fault,
    "identity": identity_fault,
    "network": network_fault,
    "image": image_fault,
    "placement": placement_fault,
    "metadata": metadata_fault,
}
