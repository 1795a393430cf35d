"""Limits that an administrator sets hold from the next request on, in a real cloud."""

from __future__ import annotations

import pytest

from tests.integration.conftest import wait_until
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


def test_a_projects_limit_is_enforced(whole_cloud: WholeCloud) -> None:
    """A boot over it is 403 in Nova's words, and works when it is lifted; the usage is told."""
    sdk = whole_cloud.sdk()
    project_id = str(whole_cloud.scalar("SELECT id FROM projects WHERE name = 'demo'"))
    token = whole_cloud.token("demo")
    path = f"/os-quota-sets/{project_id}"
    set_to = whole_cloud.compute("PUT", path, {"quota_set": {"instances": 0, "force": True}})
    assert set_to.status == 200, set_to.data
    assert sdk.compute.get_quota_set(project_id).instances == 0
    refused = whole_cloud.compute("POST", "/servers", whole_cloud.body("bounded"), token=token)
    assert refused.status == 403
    assert "Quota exceeded for instances" in refused.json()["forbidden"]["message"]
    assert whole_cloud.compute("DELETE", path).status == 202
    made = whole_cloud.compute("POST", "/servers", whole_cloud.body("bounded"), token=token)
    assert made.status == 202, made.data
    server_id = made.json()["server"]["id"]
    whole_cloud.wait_for(server_id, "ACTIVE")
    query = "start=2020-01-01T00:00:00"
    used = whole_cloud.compute("GET", f"/os-simple-tenant-usage/{project_id}?{query}").json()
    assert server_id in {one["instance_id"] for one in used["tenant_usage"]["server_usages"]}
    assert whole_cloud.compute("DELETE", f"/servers/{server_id}").status == 204
    gone = f"/servers/{server_id}"
    wait_until(lambda: whole_cloud.compute("GET", gone).status == 404, "the server is gone")
