"""What servers say of themselves, and how they are set right; the host is real, its peers not."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import actions, hosts, instances, schema
from devstack_lite.db.schema_compute import console_tokens
from devstack_lite.states import PowerState, TaskState, VmState
from services.compute.driver import LibvirtDriver
from services.compute.guest import GuestConfig, GuestInterface
from tests.api.answering_host import host_of
from tests.api.conftest import ADMIN, DEMO, DEMO_PROJECT, OTHER, Api, Cloud
from tests.api.test_compute_servers import change, record
from tests.unit.conftest import make_node

SERVER = "00000000-0000-4000-8000-0000000000f0"
PORT = "00000000-0000-4000-8000-0000000000f1"
PATH = f"/v2.1/servers/{SERVER}"
LATEST = {"OpenStack-API-Version": "compute latest"}
MAC = "fa:16:3e:00:00:01"


@pytest.fixture(scope="module")
def driver(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibvirtDriver]:
    """The host's driver on a store of its own; the host answers messages."""
    with host_of(cloud.conf, tmp_path_factory.mktemp("store")) as made:
        yield made


@pytest.fixture
def api(cloud: Cloud, driver: LibvirtDriver) -> Iterator[Api]:
    """The compute API over a server that runs."""
    record(cloud, DEMO_PROJECT, [SERVER], "seen")
    hosts.report_nodes(cloud.db, [make_node("host1")])
    shown = {"port_id": PORT, "mac": MAC, "network_id": "n", "network_name": "n", "is_ours": True,
             "ips": [{"address": "10.0.0.7", "version": 4, "subnet_id": "s"}]}  # fmt: skip
    change(cloud, SERVER, vm_state=VmState.ACTIVE, task_state=None, host="host1", node="host1",
           operation=None, power_state=PowerState.RUNNING, launched_at=utcnow(),
           network_info=[shown])  # fmt: skip
    driver.spawn(GuestConfig(
        uuid=SERVER, name="instance-1", node="host1", vcpus=2, memory_mb=512, image_path="/disk",
        interfaces=(GuestInterface(port_id=PORT, mac=MAC),),
    ))  # fmt: skip
    yield cloud.api("osapi_compute")
    driver.destroy("host1", SERVER)
    with cloud.db.write() as connection:
        for table in (schema.instances, schema.instance_actions):
            connection.execute(sa.delete(table))


def act(api: Api, name: str, value: Any, token: str = DEMO) -> Any:
    return api("POST", f"{PATH}/action", {name: value}, token=token)


def message(answer: Any) -> str:
    """Return the text of a fault."""
    return str(next(iter(answer.json.values()))["message"])


def test_diagnostics(api: Api, driver: LibvirtDriver) -> None:
    """Flat, as before 2.48: processors, memory, disks and interfaces; of a guest that runs."""
    answer = api("GET", f"{PATH}/diagnostics", token=ADMIN)
    assert answer.status == 200, answer.data
    seen = answer.json
    assert {"cpu0_time", "cpu1_time", "memory", "memory-actual", "memory-rss"} <= set(seen)
    assert {"vda_read", "vda_read_req", "vda_write", "vda_write_req", "vda_errors"} <= set(seen)
    assert {f"tap{PORT[:11]}_{way}{of}" for way in ("rx", "tx")
            for of in ("", "_packets", "_errors", "_drop")} <= set(seen)  # fmt: skip
    assert seen["memory"] == 512 * 1024
    assert all(isinstance(amount, int) for amount in seen.values())
    driver.power_off("host1", SERVER)
    refused = api("GET", f"{PATH}/diagnostics", token=ADMIN)
    assert refused.status == 409
    text = f"Cannot 'get_diagnostics' instance {SERVER} while it is in power state 4"
    assert message(refused) == text


def test_diagnostics_are_for_administrators(api: Api) -> None:
    """403 in Nova's words."""
    refused = api("GET", f"{PATH}/diagnostics")
    assert refused.status == 403
    assert message(refused) == (
        "Policy doesn't allow os_compute_api:os-server-diagnostics to be performed."
    )


def test_console_output(api: Api, driver: LibvirtDriver) -> None:
    """A boot down to cloud-init's end and the login; the last lines when they are asked for."""
    everything = act(api, "os-getConsoleOutput", {})
    assert everything.status == 200, everything.data
    text = everything.json["output"]
    assert "Linux version" in text.splitlines()[0]
    assert "finished at" in text
    assert "| ens3 | True | 10.0.0.7" in text
    assert text.endswith("seen login: ")
    for length in (-1, "-1", None, "999"):
        assert act(api, "os-getConsoleOutput", {"length": length}).json["output"] == text
    for length in (3, "3"):
        last = act(api, "os-getConsoleOutput", {"length": length}).json["output"]
        assert last.split("\n") == text.split("\n")[-3:]
    assert act(api, "os-getConsoleOutput", {"length": 0}).json["output"] == ""
    driver.destroy("host1", SERVER)
    gone = act(api, "os-getConsoleOutput", {})
    assert (gone.status, message(gone)) == (404, "Guest does not have a console available.")


@pytest.mark.parametrize("length", [-2, "x", 1.5, [], "1 "])
def test_console_lengths_that_are_refused(api: Api, length: Any) -> None:
    """400 for what is no number of lines."""
    assert act(api, "os-getConsoleOutput", {"length": length}).status == 400


@pytest.mark.parametrize(
    ("action", "kind", "begins"),
    [
        ("os-getVNCConsole", "novnc", "http://127.0.0.1:6080/vnc_auto.html?path=?token="),
        ("os-getSPICEConsole", "spice-html5", "http://127.0.0.1:6082/spice_auto.html?token="),
    ],
)
def test_consoles(api: Api, cloud: Cloud, action: str, kind: str, begins: str) -> None:
    """A URL under a token of its own each time; a server that is off has none."""
    seen = [act(api, action, {"type": kind}) for _ in range(2)]
    assert [answer.status for answer in seen] == [200, 200]
    consoles = [answer.json["console"] for answer in seen]
    assert [one["type"] for one in consoles] == [kind, kind]
    assert all(unquote(one["url"]).startswith(begins) for one in consoles)
    assert consoles[0]["url"] != consoles[1]["url"]
    assert act(api, action, {"type": "tty"}).status == 400
    assert act(api, action, {}).status == 400
    change(cloud, SERVER, power_state=PowerState.SHUTDOWN)
    refused = act(api, action, {"type": kind})
    assert (refused.status, message(refused)) == (409, f"Instance {SERVER} is not ready")


def token_of(api: Api, protocol: str, kind: str) -> str:
    """Return the token of a console that is asked for in the newest version."""
    asked = {"remote_console": {"protocol": protocol, "type": kind}}
    answer = api("POST", f"{PATH}/remote-consoles", asked, token=DEMO, headers=LATEST)
    assert answer.status == 200, answer.data
    return unquote(answer.json["remote_console"]["url"]).rpartition("token=")[2]


def test_a_token_leads_to_the_display(api: Api, cloud: Cloud, driver: LibvirtDriver) -> None:
    """To the port that the hypervisor gave the guest; for administrators, from 2.31 on."""
    with driver.guest("look at", "host1", SERVER) as (_, domain):
        shown = ET.fromstring(domain.XMLDesc(0))
    displays = shown.iterfind("devices/graphics")
    ports = {one.get("type"): int(one.get("port", "")) for one in displays}
    assert len(set(ports.values())) == 2
    for protocol, kind, more in (
        ("vnc", "novnc", {}), ("spice", "spice-html5", {}),
        ("spice", "spice-direct", {"tls_port": None}),
    ):  # fmt: skip
        path = f"/v2.1/os-console-auth-tokens/{token_of(api, protocol, kind)}"
        assert api("GET", path, token=DEMO, headers=LATEST).status == 403
        console = {
            "instance_uuid": SERVER, "host": "127.0.0.1", "port": ports[protocol],
            "internal_access_path": None,
        }  # fmt: skip
        assert api("GET", path, token=ADMIN, headers=LATEST).json == {"console": console | more}
        before = {"OpenStack-API-Version": "compute 2.98"}
        assert api("GET", path, token=ADMIN, headers=before).json == {"console": console}
        assert api("GET", path, token=ADMIN).status == 400
        assert api("GET", f"{path}?x=1", token=ADMIN, headers=before).status == 200
        assert api("GET", f"{path}?x=1", token=ADMIN, headers=LATEST).status == 400


def test_a_token_that_leads_nowhere(api: Api, cloud: Cloud) -> None:
    """Not known, over, or of a server that has gone elsewhere."""
    path = f"/v2.1/os-console-auth-tokens/{token_of(api, 'spice', 'spice-direct')}"
    change(cloud, SERVER, node="host2")
    assert api("GET", path, token=ADMIN, headers=LATEST).status == 404
    change(cloud, SERVER, node="host1")
    assert api("GET", path, token=ADMIN, headers=LATEST).status == 200
    with cloud.db.write() as connection:
        connection.execute(console_tokens.update().values(expires_at=utcnow()))
    gone = api("GET", path, token=ADMIN, headers=LATEST)
    assert (gone.status, message(gone)) == (404, "Token not found")
    token_of(api, "vnc", "novnc")
    with cloud.db.read() as connection:
        left = connection.execute(sa.select(console_tokens.c.console_type)).scalars().all()
    assert left == ["novnc"]


def test_spice_direct_came_with_2_99(api: Api) -> None:
    """And serial consoles there are none of."""
    before = {"OpenStack-API-Version": "compute 2.98"}
    for kind, headers in (("spice-direct", before), ("serial", LATEST)):
        asked = {"remote_console": {"protocol": "spice", "type": kind}}
        answer = api("POST", f"{PATH}/remote-consoles", asked, token=DEMO, headers=headers)
        assert answer.status == 400


def test_a_console_that_is_no_more(api: Api) -> None:
    """xvpvnc is a type that Nova has removed."""
    refused = act(api, "os-getVNCConsole", {"type": "xvpvnc"})
    assert (refused.status, message(refused)) == (400, "Unavailable console type xvpvnc.")


def test_consoles_that_there_are_none_of(api: Api) -> None:
    """Serial ones are not set up, and RDP ones are no more, which Nova calls a bad request."""
    serial = act(api, "os-getSerialConsole", {"type": "serial"})
    assert (serial.status, message(serial)) == (400, "Unavailable console type serial.")
    assert act(api, "os-getSerialConsole", {"type": "x"}).status == 400
    assert act(api, "os-getRDPConsole", {"type": "rdp-html5"}).status == 400


def test_a_state_is_reset(api: Api, cloud: Cloud) -> None:
    """To error and back, by an administrator; what was under way ends nothing any more."""
    asks = RequestContext(user_id="demo", project_id=DEMO_PROJECT)
    begun = actions.begin_action(
        cloud.db, asks, SERVER, action="stop", event="e",
        vm_states=[VmState.ACTIVE], task_state=TaskState.POWERING_OFF,
    )  # fmt: skip
    assert act(api, "os-resetState", {"state": "error"}).status == 403
    answer = act(api, "os-resetState", {"state": "error"}, ADMIN)
    assert (answer.status, answer.data) == (202, b"")
    server = api("GET", PATH).json["server"]
    assert (server["status"], server["OS-EXT-STS:task_state"]) == ("ERROR", None)
    assert not actions.finish_action(
        cloud.db, SERVER, action="stop", attempt=begun.attempt, vm_state=VmState.STOPPED,
        power_state=PowerState.SHUTDOWN,
    )  # fmt: skip
    [stop] = [
        one for one in instances.list_actions(cloud.db, SERVER) if one.action == "stop"
    ]  # fmt: skip
    assert stop.message == "Ended by a state reset."
    assert act(api, "os-resetState", {"state": "active"}, ADMIN).status == 202
    assert api("GET", PATH).json["server"]["status"] == "ACTIVE"
    assert act(api, "os-resetState", {"state": "stopped"}, ADMIN).status == 400
    assert act(api, "os-resetState", {}, ADMIN).status == 400


def test_a_password_is_changed(api: Api, cloud: Cloud, driver: LibvirtDriver) -> None:
    """In a server that is ACTIVE and runs; it stands nowhere."""
    answer = act(api, "changePassword", {"adminPass": "s3cret-word"})
    assert (answer.status, answer.data) == (202, b"")
    with cloud.db.read() as connection:
        rows = connection.execute(sa.select(schema.instances)).all()
    assert "s3cret-word" not in repr(rows)
    assert act(api, "changePassword", {"adminPass": 1}).status == 400
    driver.power_off("host1", SERVER)
    assert act(api, "changePassword", {"adminPass": "x"}).status == 409
    change(cloud, SERVER, vm_state=VmState.STOPPED)
    refused = act(api, "changePassword", {"adminPass": "x"})
    text = f"Cannot 'changePassword' instance {SERVER} while it is in vm_state stopped"
    assert (refused.status, message(refused)) == (409, text)
    noted = [
        (one.action, instances.list_action_events(cloud.db, one.id)[0])
        for one in instances.list_actions(cloud.db, SERVER)
        if one.action == "changePassword"
    ]
    assert [(event.event, event.result) for _, event in noted] == [
        ("compute_set_admin_password", "Error"), ("compute_set_admin_password", "Success"),
    ]  # fmt: skip


def test_no_password_was_posted(api: Api) -> None:
    """Empty, and forgotten with 204."""
    path = f"{PATH}/os-server-password"
    assert api("GET", path).json == {"password": ""}
    gone = api("DELETE", path)
    assert (gone.status, gone.data) == (204, b"")


def test_anothers_server_is_not_there(api: Api) -> None:
    """404 for every call."""
    asked: list[tuple[str, Any]] = [
        ("os-getConsoleOutput", {}), ("os-getVNCConsole", {"type": "novnc"}),
        ("os-getSPICEConsole", {"type": "spice-html5"}), ("changePassword", {"adminPass": "x"}),
    ]  # fmt: skip
    seen = [act(api, name, value, OTHER).status for name, value in asked]
    seen += [
        api(method, f"{PATH}/os-server-password", token=OTHER).status
        for method in ("GET", "DELETE")
    ]
    assert seen == [404] * 6
