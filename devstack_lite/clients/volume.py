"""The volume service as compute asks it, with the user's token."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from devstack_lite.clients.http import Answer, HttpPeer
from devstack_lite.clients.image import headers_of, validated_of
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    QuotaExceeded,
    Unauthorized,
    Unavailable,
)
from devstack_lite.steps import StepRecord

_PAGES = {"detail", "summary"}
"""What is beside the ids in the service's paths."""
_VERSION = {"OpenStack-API-Version": "volume 3.54"}
"""The first that knows attachments whole: made, completed, with a mode."""
_WITH_REIMAGE = {"OpenStack-API-Version": "volume 3.68"}


class VolumeClient:
    """Asks a Cinder v3 API; url is the endpoint with /v3.

    Every method raises Unauthorized, Forbidden (definite) and Unavailable (indefinite). A repeated
    request is answered as the first was; those of which two would do another are not repeated.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._peer = HttpPeer(url, timeout_s=timeout_s)

    def list_attachments(
        self, context: RequestContext, instance_uuid: str
    ) -> tuple[list[dict[str, Any]], StepRecord | None]:
        """Return an instance's attachments, and how the token's validation went.

        An administrator sees those of any project: the instance may be another's.
        """
        query = {"instance_id": instance_uuid}
        if context.is_admin:
            query["all_tenants"] = "1"
        answer = self._send(context, "GET", f"/attachments/detail?{urlencode(query)}")
        return answer.json()["attachments"], validated_of(answer)

    def create_attachment(
        self,
        context: RequestContext,
        *,
        volume_id: str,
        instance_uuid: str,
        connector: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Reserve a volume for an instance, or begin to attach it; return the attachment.

        The pair's attachment is returned when there is one. Raises NotFound, Invalid (definite).
        """
        asked: dict[str, Any] = {"volume_uuid": volume_id, "instance_uuid": instance_uuid}
        if connector:
            asked["connector"] = connector
        answer = self._send(context, "POST", "/attachments", {"attachment": asked})
        attachment: dict[str, Any] = answer.json()["attachment"]
        return attachment

    def update_attachment(
        self, context: RequestContext, attachment_id: str, *, connector: dict[str, Any]
    ) -> dict[str, Any]:
        """Say from which host the volume will be reached; return the attachment.

        connector may name host, mountpoint and mode. Raises NotFound (definite).
        """
        body = {"attachment": {"connector": connector}}
        answer = self._send(context, "PUT", f"/attachments/{attachment_id}", body)
        attachment: dict[str, Any] = answer.json()["attachment"]
        return attachment

    def complete_attachment(self, context: RequestContext, attachment_id: str) -> None:
        """Say that the instance has the volume. Raises NotFound (definite)."""
        body = {"os-complete": attachment_id}
        self._send(context, "POST", f"/attachments/{attachment_id}/action", body)

    def delete_attachment(self, context: RequestContext, attachment_id: str) -> None:
        """Take the volume from the instance; absent is done."""
        try:
            self._send(context, "DELETE", f"/attachments/{attachment_id}")
        except NotFound:
            return

    def reimage(self, context: RequestContext, volume_id: str, image_id: str) -> None:
        """Write an image to a volume that a server keeps reserved. Raises NotFound, Invalid."""
        asked = {"image_id": image_id, "reimage_reserved": True}
        path = f"{_path('volume', volume_id)}/action"
        self._send(context, "POST", path, {"os-reimage": asked}, version=_WITH_REIMAGE)

    def update_snapshot_status(
        self, context: RequestContext, snapshot_id: str, status: str
    ) -> None:
        """Say how a snapshot that a host makes or removes got on. Raises NotFound, Invalid."""
        # The host's part is done by then: what is left of a hundred is the volume service's.
        told = {"status": status, "progress": "90%"}
        path = f"{_path('snapshot', snapshot_id)}/action"
        self._send(context, "POST", path, {"os-update_snapshot_status": told})

    def list_all(self, context: RequestContext, noun: str, **query: str) -> list[dict[str, Any]]:
        """Return the caller's things of a kind. noun: `volume` or `snapshot`, here and below."""
        answer = self._send(context, "GET", f"/{noun}s/detail?{urlencode(query)}")
        found: list[dict[str, Any]] = answer.json()[f"{noun}s"]
        return found

    def get(self, context: RequestContext, noun: str, thing_id: str) -> dict[str, Any]:
        """Return one. Raises NotFound."""
        answer = self._send(context, "GET", _path(noun, thing_id))
        found: dict[str, Any] = answer.json()[noun]
        return found

    def create(self, context: RequestContext, noun: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Make one. Raises NotFound, Invalid, QuotaExceeded."""
        made: dict[str, Any] = self._send(context, "POST", f"/{noun}s", {noun: asked}).json()[noun]
        return made

    def delete(self, context: RequestContext, noun: str, thing_id: str) -> None:
        """Remove one. Raises NotFound, Invalid while it is used."""
        self._send(context, "DELETE", _path(noun, thing_id))

    def _send(
        self,
        context: RequestContext,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        version: dict[str, str] = _VERSION,
    ) -> Answer:
        headers = {**headers_of(context), **version}
        answer = self._peer.request(
            method, path, headers=headers, body=body,
            is_repeatable=path not in {"/volumes", "/snapshots"},
        )  # fmt: skip
        if answer.status < 300:
            return answer
        message = _message_of(answer)
        if answer.status == 403:
            raise Forbidden(message, kind="volume")
        if answer.status == 413:
            raise QuotaExceeded(message)
        if answer.status == 401:
            raise Unauthorized(f"volume refused the token (HTTP {answer.status}): {message}")
        if answer.status == 404:
            raise NotFound(message, kind="volume")
        if answer.status == 400:
            raise Invalid(message, kind="volume")
        if answer.status == 409:
            raise Conflict(message, kind="volume")
        raise Unavailable(f"volume answered {answer.status}: {message}")


def _path(noun: str, thing_id: str) -> str:
    """Return where one is. Raises NotFound for what cannot be an id."""
    if thing_id in _PAGES:
        raise NotFound(f"{noun.title()} {thing_id} could not be found.", kind="volume")
    return f"/{noun}s/{quote(thing_id, safe='')}"


def _message_of(answer: Answer) -> str:
    """Return the text of a fault: {"itemNotFound": {"message": …}}."""
    try:
        fault = next(iter(answer.json().values()))
        return str(fault["message"])
    except (ValueError, AttributeError, StopIteration, KeyError, TypeError):
        return f"HTTP {answer.status}"
