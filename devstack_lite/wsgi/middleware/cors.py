"""Lets pages of other origins call the API: oslo.middleware's CORS, by the options of [cors].

Without an allowed_origin it is not there, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oslo_config import cfg

SENT = [
    "Content-Type", "Accept", "X-Auth-Token", "X-Openstack-Request-Id", "OpenStack-API-Version",
    "X-OpenStack-Nova-API-Version", "X-Identity-Status", "X-Roles", "X-Service-Catalog",
    "X-User-Id", "X-Tenant-Id",
]  # fmt: skip
"""Headers that a page may send; [cors] allow_headers replaces them."""

READ = [
    "X-Auth-Token", "X-Openstack-Request-Id", "X-Compute-Request-Id", "X-Subject-Token",
    "OpenStack-API-Version", "X-OpenStack-Nova-API-Version", "Location", "Retry-After",
]  # fmt: skip
"""Headers that a page may read; [cors] expose_headers replaces them."""


def factory(_global_conf: Any, **_local: Any) -> Callable[[Any], Any]:
    """Paste filter factory."""
    from oslo_middleware import cors

    def build(app: Any) -> Any:
        cors.set_defaults(allow_headers=SENT, expose_headers=READ)
        filtered = cors.CORS(app, cfg.CONF)
        return filtered if filtered.allowed_origins else app

    return build
