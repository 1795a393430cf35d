"""Marks for controllers' methods, one thing each; extensions are written with them.

Each only notes something on the function, where `@api(…)` notes several things at once; both may be
on one method, `@api` innermost. Nothing happens before a Resource is made of the controller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

from devstack_lite.wsgi.resource import F, note
from devstack_lite.wsgi.versions import ApiVersion


def action(name: str) -> Callable[[F], F]:
    """Serve POST …/action with the body {name: …}."""
    return lambda function: note(function, action=name)


@overload
def extends(function: F, /) -> F: ...
@overload
def extends(*, action: str | None = None) -> Callable[[F], F]: ...
def extends(function: Any = None, /, *, action: str | None = None) -> Any:
    """Be called after the resource's method of the same name, or after an action.

    The method takes (req, resp_obj, **arguments of the other): resp_obj.obj, .code and .headers are
    the answer, and may be changed. What the other method did is done, whatever happens here.
    """

    def mark(function: F) -> F:
        return note(function, extends=True, action=action)

    return mark if function is None else mark(function)


def response(status: int) -> Callable[[F], F]:
    """Answer a success with this status; 200 where nothing is said."""
    return lambda function: note(function, status=status)


def expected_errors(statuses: int | Iterable[int]) -> Callable[[F], F]:
    """Name the statuses that the method may fail with; another becomes a 500, and is logged.

    400 for a refused body, 401, 403 and 503 need not be named.
    """
    known = frozenset({statuses} if isinstance(statuses, int) else statuses)
    return lambda function: note(function, expected=known)


def api_version(minimum: str, maximum: str | None = None) -> Callable[[F], F]:
    """Offer the method in these microversions, both included; 404 in others."""
    since, until = ApiVersion.parse(minimum), ApiVersion.parse(maximum) if maximum else None
    return lambda function: note(function, since=since, until=until)
