"""A Paste composite that sends path prefixes to applications; the longest prefix wins.

`/v2.1/+` is whatever is below /v2.1, so that /v2.1 itself can go elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class UrlMap:
    """Moves the prefix from PATH_INFO to SCRIPT_NAME, as WSGI has it."""

    def __init__(self, apps: dict[str, Any]) -> None:
        self._apps = sorted(
            ((prefix.rstrip("/"), app) for prefix, app in apps.items()),
            key=lambda item: len(item[0]),
            reverse=True,
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        for prefix, app in self._apps:
            if prefix.endswith("/+"):
                prefix = prefix.removesuffix("/+")  # noqa: PLW2901 - what it stands for
                is_there = path.startswith(prefix + "/") and path != prefix + "/"
            else:
                is_there = path == prefix or path.startswith(prefix + "/") or not prefix
            if is_there:
                environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
                environ["PATH_INFO"] = path[len(prefix) :]
                answer: Iterable[bytes] = app(environ, start_response)
                return answer
        raise AssertionError("a urlmap needs an application for /")


def factory(loader: Any, global_conf: Any, **apps: str) -> UrlMap:
    """Paste composite factory: prefix = name of an application."""
    return UrlMap(
        {prefix: loader.get_app(name, global_conf=global_conf) for prefix, name in apps.items()}
    )
