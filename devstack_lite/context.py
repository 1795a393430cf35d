"""The context of a request: who asks, under which request id, with which token.

It is the first argument of everything that acts for a user, crosses RPC in each message and is
thread-local for the logs (oslo.context keeps it), so that each line of a boot carries its ids.
"""

from __future__ import annotations

import time
import uuid
from typing import Any, Self

from oslo_context import context as oslo_context


def new_request_id() -> str:
    """Return a fresh `req-<uuid>`."""
    return f"req-{uuid.uuid4()}"


class RequestContext(oslo_context.RequestContext):  # type: ignore[misc]
    """oslo.context's RequestContext with what this cloud adds to it.

    sent_at is the epoch second at which the message that carried this context was sent; 0 when it
    came by HTTP. The boot's trace reads from it how long a message lay in its queue. expires_at is
    the epoch second after which the caller has given up, and nothing may be changed for it any
    more; 0 is never.
    """

    def __init__(
        self,
        *,
        sent_at: float = 0.0,
        expires_at: float = 0.0,
        instance_uuid: str | None = None,
        **kwargs: Any,
    ):
        kwargs.setdefault("overwrite", False)
        kwargs.setdefault("request_id", new_request_id())
        super().__init__(**kwargs)
        self.sent_at = sent_at
        self.expires_at = expires_at
        self.resource_uuid = instance_uuid

    @property
    def is_admin_context(self) -> bool:
        """Whether the caller is an administrator."""
        return bool(self.is_admin)

    def to_message(self) -> dict[str, Any]:
        """Return what crosses RPC: flat, small, JSON."""
        return {
            "request_id": self.request_id,
            "global_request_id": self.global_request_id,
            "user_id": self.user_id,
            "project_id": self.project_id,
            "roles": self.roles,
            "is_admin": self.is_admin,
            "auth_token": self.auth_token,
            "instance_uuid": self.resource_uuid,
        }

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Self:
        """Return the context that to_message() made; unknown fields are ignored."""
        return cls(
            request_id=message.get("request_id"),
            global_request_id=message.get("global_request_id"),
            user_id=message.get("user_id"),
            project_id=message.get("project_id"),
            roles=message.get("roles") or [],
            is_admin=bool(message.get("is_admin")),
            auth_token=message.get("auth_token"),
            instance_uuid=message.get("instance_uuid"),
            sent_at=float(message.get("sent_at") or 0.0),
            expires_at=float(message.get("expires_at") or 0.0),
        )

    def for_instance(self, uuid: str) -> Self:
        """Return this context as it is for work on one instance, so that the log names it."""
        return type(self).from_message({**self.to_message(), "instance_uuid": uuid})

    @property
    def is_expired(self) -> bool:
        """Whether the caller has given up by now."""
        return 0.0 < self.expires_at < time.time()

    def make_current(self) -> None:
        """Have this thread's log lines carry this context's ids."""
        self.update_store()


def current_context() -> RequestContext:
    """Return the context of what this thread does now; a daemon's own when nobody asked for it."""
    found = oslo_context.get_current()
    return found if isinstance(found, RequestContext) else service_context()


def service_context() -> RequestContext:
    """Return the context of work that no user asked for (heartbeats, periodic tasks)."""
    return RequestContext(is_admin=True)
