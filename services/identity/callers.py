"""Who asks. There is no authtoken filter before identity: it checks X-Auth-Token itself."""

from __future__ import annotations

from dataclasses import dataclass

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Forbidden, Unauthorized
from devstack_lite.objects.identity import Standing
from devstack_lite.wsgi.request import REQUEST_ID, Request
from services.identity.tokens import Token, TokenMaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever sent a request, by a valid token."""

    token: Token
    standing: Standing
    request_id: str | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the token carries the role admin, on whatever it is for."""
        return any(role.name == "admin" for role in self.standing.roles)

    @property
    def context(self) -> RequestContext:
        """The context of what is asked of the conductor for this caller."""
        return RequestContext(
            request_id=self.request_id,
            user_id=self.token.user_id,
            project_id=self.token.scope.project_id,
            roles=[role.name for role in self.standing.roles],
            is_admin=self.is_admin,
        )

    def require_admin(self, rule: str) -> None:
        """Raise Forbidden, in Keystone's words, unless the caller is an administrator."""
        if not self.is_admin:
            raise Forbidden(f"You are not authorized to perform the requested action: {rule}.")


class Callers:
    """Finds out who asks."""

    def __init__(self, maker: TokenMaker) -> None:
        self._maker = maker

    def of(self, req: Request) -> Caller:
        """Return who asks. Raises Unauthorized."""
        sealed = req.headers.get("X-Auth-Token")
        if not sealed:
            raise Unauthorized("The request you have made requires authentication.")
        token = self._maker.open(sealed)
        return Caller(
            token=token,
            standing=self._maker.stand(token),
            request_id=req.environ.get(REQUEST_ID),
        )

    def context_of(self, req: Request) -> RequestContext:
        """Return the context of a request that nobody has to be known for."""
        return RequestContext(request_id=req.environ.get(REQUEST_ID))

    def admin(self, req: Request, rule: str) -> Caller:
        """Return who asks, an administrator. Raises Unauthorized, Forbidden."""
        caller = self.of(req)
        caller.require_admin(rule)
        return caller
