"""The identity service as the others ask it: is this token valid, and whose is it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from devstack_lite.clients.http import HttpPeer
from devstack_lite.exceptions import Unauthorized, Unavailable
from devstack_lite.steps import TRACE_HEADER, StepRecord, from_header


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """What a valid token says."""

    token: str
    user_id: str
    user_name: str
    project_id: str | None
    project_name: str | None
    roles: tuple[str, ...]
    expires_at: datetime.datetime
    issued: StepRecord | None = None
    validated_by: int = 0


class IdentityClient:
    """Asks a Keystone v3 API."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._peer = HttpPeer(url, timeout_s=timeout_s)

    def validate(
        self, token: str, *, global_id: str | None = None, wanted_for: str = "1"
    ) -> TokenInfo:
        """Return whose token it is.

        global_id: of the request that it came with; wanted_for: the instance that it is for, or 1.

        Raises Unauthorized when identity says that it is not valid, Unavailable (indefinite, but
        nothing was changed) when it does not answer.
        """
        answer = self._peer.request(
            "GET",
            "/auth/tokens?nocatalog=1",
            headers={
                "X-Auth-Token": token,
                "X-Subject-Token": token,
                TRACE_HEADER: wanted_for,
                **({"X-OpenStack-Request-ID": global_id} if global_id else {}),
            },
        )
        if answer.status in {401, 403, 404}:
            raise Unauthorized("The request you have made requires authentication.")
        if answer.status != 200:
            raise Unavailable(f"identity answered {answer.status} to a token's validation")
        body = answer.json()["token"]
        project = body.get("project") or {}
        trace = from_header(answer.headers.get(TRACE_HEADER))
        validated = trace.get("validated")
        return TokenInfo(
            token=token,
            user_id=body["user"]["id"],
            user_name=body["user"]["name"],
            project_id=project.get("id"),
            project_name=project.get("name"),
            roles=tuple(role["name"] for role in body.get("roles", ())),
            expires_at=datetime.datetime.fromisoformat(body["expires_at"]),
            issued=trace.get("issued"),
            validated_by=validated.pid if validated else 0,
        )
