"""The network service asked on behalf of whoever still asks compute for what network has."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from devstack_lite.clients.http import HttpPeer
from devstack_lite.clients.image import headers_of
from devstack_lite.clients.network import fault_of
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
from devstack_lite.objects.registry import Json

_REFUSALS: dict[int, type[DevstackError]] = {
    400: Invalid, 401: Unauthorized, 403: Forbidden, 404: NotFound, 409: Conflict,
}  # fmt: skip


class NetworkProxy:
    """Asks a Neutron v2.0 API with the caller's token; url is the service's root.

    Every method raises what network answers, in its words and with its type as the error's kind;
    Unavailable (indefinite) when it does not answer.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._peer = HttpPeer(url, timeout_s=timeout_s)

    def list_all(self, context: RequestContext, collection: str, **query: str) -> list[Json]:
        """Return what a collection, such as security-groups, holds for the caller."""
        asked = f"?{urlencode(query)}" if query else ""
        found = self._ask(context, "GET", f"{collection}{asked}")
        return list(found[collection.replace("-", "_")])

    def show(self, context: RequestContext, collection: str, thing_id: str) -> Json:
        """Return one of a collection. Raises NotFound."""
        return self._one(self._ask(context, "GET", f"{collection}/{thing_id}"))

    def create(self, context: RequestContext, collection: str, values: Json) -> Json:
        """Make one, and return it. Asked once only: a second one would be another."""
        body = {_noun(collection): values}
        return self._one(self._ask(context, "POST", collection, body, is_repeatable=False))

    def update(self, context: RequestContext, collection: str, thing_id: str, values: Json) -> Json:
        """Change one, and return it. Raises NotFound."""
        body = {_noun(collection): values}
        return self._one(self._ask(context, "PUT", f"{collection}/{thing_id}", body))

    def delete(self, context: RequestContext, collection: str, thing_id: str) -> None:
        """Remove one. Raises NotFound."""
        self._ask(context, "DELETE", f"{collection}/{thing_id}", is_repeatable=False)

    @staticmethod
    def _one(found: Json) -> Json:
        return dict(next(iter(found.values())))

    def _ask(
        self,
        context: RequestContext,
        method: str,
        path: str,
        body: Any = None,
        *,
        is_repeatable: bool = True,
    ) -> Json:
        answer = self._peer.request(
            method, f"/v2.0/{path}", headers=headers_of(context), body=body,
            is_repeatable=is_repeatable,
        )  # fmt: skip
        if answer.status < 300:
            return dict(answer.json()) if answer.data else {}
        message, kind = fault_of(answer)
        if answer.status in _REFUSALS:
            raise _REFUSALS[answer.status](message, kind=kind)
        raise Unavailable(f"network answered {answer.status}: {message}")


def _noun(collection: str) -> str:
    return collection.removesuffix("s").replace("-", "_")
