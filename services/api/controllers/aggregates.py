"""/os-aggregates: hosts are grouped by availability zone alone, so that there are no aggregates.

Clients ask for the list all the same: `openstack hypervisor show` names a host's aggregates.
"""

from __future__ import annotations

from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from services.api.policy import require_admin


class AggregatesController:
    """Says that there are none; for administrators."""

    def index(self, req: Request) -> Json:
        """List them."""
        require_admin(req.context, "os_compute_api:os-aggregates:index")
        return {"aggregates": []}
