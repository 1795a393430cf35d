"""The image service as compute and volume ask it, with the user's token."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from devstack_lite.clients.http import Answer, HttpPeer
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound, Unauthorized, Unavailable
from devstack_lite.steps import TRACE_HEADER, StepRecord, from_header


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
        path = f"/v2/images/{quote(image_id, safe='')}"
        answer = self._peer.request("GET", path, headers=headers_of(context))
        if answer.status == 404:
            raise NotFound(f"Image {image_id} could not be found.", kind="image")
        if answer.status in {401, 403}:
            raise Unauthorized(f"image refused the token (HTTP {answer.status})")
        if answer.status != 200:
            raise Unavailable(f"image answered {answer.status}")
        return answer.json(), validated_of(answer)
