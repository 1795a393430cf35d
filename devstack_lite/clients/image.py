"""The image service as the other services ask it, with the user's token."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from devstack_lite.clients.http import Answer, HttpPeer
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import (
    Conflict,
    DevstackError,
    Forbidden,
    Invalid,
    NotFound,
    Unauthorized,
    Unavailable,
)
from devstack_lite.steps import TRACE_HEADER, StepRecord, from_header

PATCH_TYPE = "application/openstack-images-v2.1-json-patch"


def headers_of(context: RequestContext) -> dict[str, str]:
    """Return what each request in a user's name carries: token, request id, wish for a trace."""
    headers = {
        TRACE_HEADER: context.resource_uuid or "1",
        "X-OpenStack-Request-ID": str(context.global_id),
    }
    if context.auth_token:
        headers["X-Auth-Token"] = context.auth_token
    return headers


def validated_of(answer: Answer) -> StepRecord | None:
    """Return the record of the token's validation that the answer carries."""
    return from_header(answer.headers.get(TRACE_HEADER)).get("validated")


class ImageClient:
    """Asks a Glance v2 API; url is the service's root."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._peer = HttpPeer(url, timeout_s=timeout_s)

    def get_image(
        self, context: RequestContext, image_id: str
    ) -> tuple[dict[str, Any], StepRecord | None]:
        """Return an image's record, and how the token's validation went.

        Raises NotFound and Unauthorized (definite), Unavailable (nothing was changed).
        """
        answer = self._peer.request("GET", _path(image_id), headers=headers_of(context))
        if answer.status == 404:
            raise _missing(image_id)
        if answer.status in {401, 403}:
            raise Unauthorized(f"image refused the token (HTTP {answer.status})")
        if answer.status != 200:
            raise Unavailable(f"image answered {answer.status}")
        return answer.json(), validated_of(answer)

    def list_images(self, context: RequestContext, /, **query: str) -> list[dict[str, Any]]:
        """Return the images that a list's query finds, the newest first; at most 1000, or limit.

        The names of a query are anybody's: also self and context are properties to find by.
        Raises Invalid, Unauthorized (definite), Unavailable.
        """
        asked = urlencode({"limit": "1000", **query, "sort": "created_at:desc"})
        answer = self._peer.request("GET", f"/v2/images?{asked}", headers=headers_of(context))
        _check(answer, {200})
        return list(answer.json()["images"])

    def create_image(self, context: RequestContext, image: dict[str, Any]) -> None:
        """Record an image without data, under the id that it brings; there already is a success.

        Raises Invalid, Forbidden, Unauthorized (definite), Unavailable.
        """
        answer = self._peer.request("POST", "/v2/images", headers=headers_of(context), body=image)
        _check(answer, {201, 409})

    def change_properties(
        self,
        context: RequestContext,
        image: Mapping[str, Any],
        *,
        items: Mapping[str, str],
        removed: Iterable[str] = (),
    ) -> None:
        """Set properties of an image that is known as it was just now, and take others away.

        Raises NotFound, Invalid, Forbidden, Conflict, Unauthorized (definite), Unavailable.
        """
        operations: list[dict[str, Any]] = [
            {"op": "replace" if key in image else "add", "path": _pointer(key), "value": value}
            for key, value in items.items()
        ]
        operations += [{"op": "remove", "path": _pointer(key)} for key in removed]
        answer = self._peer.request(
            "PATCH",
            _path(str(image["id"])),
            headers={**headers_of(context), "Content-Type": PATCH_TYPE},
            octets=json.dumps(operations).encode(),
            is_repeatable=False,
        )
        if answer.status == 404:
            raise _missing(str(image["id"]))
        if answer.status == 409:
            raise Conflict(_message(answer), kind="image")
        _check(answer, {200})

    def upload(self, context: RequestContext, image_id: str, octets: bytes) -> None:
        """Store an image's data, which makes it active. May be repeated until it is.

        Raises NotFound, Invalid, Forbidden, Unauthorized (definite); Unavailable, also while
        somebody else uploads, or when it has its data already: look at the image.
        """
        answer = self._peer.request(
            "PUT", f"{_path(image_id)}/file", headers=headers_of(context), octets=octets
        )
        if answer.status == 404:
            raise _missing(image_id)
        _check(answer, {204})

    def delete_image(self, context: RequestContext, image_id: str) -> None:
        """Remove an image; one that is gone is a success.

        Raises Forbidden (a protected one, or another's), Unauthorized (definite), Unavailable.
        """
        answer = self._peer.request("DELETE", _path(image_id), headers=headers_of(context))
        _check(answer, {204, 404})


def _path(image_id: str) -> str:
    return f"/v2/images/{quote(image_id, safe='')}"


def _pointer(key: str) -> str:
    """Return a property's name as a JSON pointer."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _missing(image_id: str) -> NotFound:
    return NotFound(f"Image {image_id} could not be found.", kind="image")


def _check(answer: Answer, expected: set[int]) -> None:
    """Raise what an answer with another status than those expected means."""
    if answer.status in expected:
        return
    refusals: dict[int, type[DevstackError]] = {
        400: Invalid, 401: Unauthorized, 403: Forbidden, 413: Forbidden,
    }  # fmt: skip
    if answer.status in refusals:
        raise refusals[answer.status](_message(answer), kind="image")
    raise Unavailable(f"image answered {answer.status}")


def _message(answer: Answer) -> str:
    """Return why image refused, in its own words where it has any."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"image refused it (HTTP {answer.status})"
