"""What a host says of its guests, and how servers are set right, in a real cloud."""

from __future__ import annotations

import pytest

from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud


def test_a_server_is_looked_at_and_set_right(whole_cloud: WholeCloud) -> None:
    """The SDK reads its console and figures; a reset to ERROR keeps the guest, and one back too."""
    sdk = whole_cloud.sdk()
    server_id = whole_cloud.boot("looked-at", metadata={"colour": "red"})
    server = whole_cloud.wait_for(server_id, "ACTIVE")
    [[entry]] = server["addresses"].values()
    output = sdk.compute.get_server_console_output(server_id)["output"]
    assert entry["addr"] in output
    assert output.endswith("looked-at login: ")
    assert sdk.compute.get_server_console_output(server_id, length=2)["output"].count("\n") == 1
    figures = whole_cloud.compute("GET", f"/servers/{server_id}/diagnostics")
    assert figures.status == 200, figures.data
    assert figures.json()["memory"] == 512 * 1024
    url = sdk.compute.create_console(server_id, console_type="novnc")["url"]
    assert url.startswith("http://127.0.0.1:6080/vnc_auto.html")
    sdk.compute.change_server_password(server_id, "a-new-word")
    sdk.compute.set_server_metadata(server_id, size="L")
    assert whole_cloud.server(server_id)["metadata"] == {"colour": "red", "size": "L"}
    sdk.compute.reset_server_state(server_id, "error")
    assert whole_cloud.server(server_id)["status"] == "ERROR"
    sdk.compute.reset_server_state(server_id, "active")
    assert whole_cloud.server(server_id)["status"] == "ACTIVE"
    assert whole_cloud.compute("GET", f"/servers/{server_id}/diagnostics").status == 200
    whole_cloud.delete_all("looked-at")
