"""Ports of servers that exist: asked for, refused and shown; a stand-in host ends the changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.db import (
    device_changes,
    device_tags,
    instances,
    networks,
    ports,
    schema,
    schema_network,
)
from devstack_lite.names import port_id_of
from devstack_lite.objects.network import Network, Port, Subnet
from devstack_lite.states import VmState
from tests.api.conftest import DEMO, DEMO_PROJECT, OTHER, OTHER_PROJECT, Api, Cloud
from tests.api.test_compute_servers import change, record
from tests.integration.conftest import pause

SERVER = "00000000-0000-4000-8000-0000000000e0"
NETWORK = "00000000-0000-4000-8000-0000000000e1"
FOREIGN = "00000000-0000-4000-8000-0000000000e2"
GIVEN = "00000000-0000-4000-8000-0000000000e3"
SUBNET = "00000000-0000-4000-8000-0000000000e4"
PATH = f"/v2.1/servers/{SERVER}/os-interface"


class Host:
    """Ends changes as a host does: makes and binds ports, or fails."""

    def __init__(self, cloud: Cloud) -> None:
        self._db = cloud.db
        self.error: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """End, when all that is under way has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            is_last = self._stopping.is_set()
            with self._db.read() as connection:
                found = connection.execute(sa.select(schema.device_changes)).all()
            for row in found:
                self._end(row)
            if is_last:
                return
            pause()

    def _end(self, row: Any) -> None:
        result = {}
        if row.kind == "attach_interface" and self.error is None:
            result = {"port": self._plugged(row)}
        device_changes.finish_change(
            self._db, row.id, attempt=row.attempt, result=result, error=self.error
        )

    def _plugged(self, row: Any) -> dict[str, Any]:
        bound = {"device_id": row.instance_uuid, "device_owner": "compute:nova",
                 "host_id": "host1", "status": "ACTIVE"}  # fmt: skip
        if row.arguments["is_ours"]:
            wanted = Port(id=row.device_id, network_id=row.arguments["network_id"],
                          project_id=DEMO_PROJECT, **bound)  # fmt: skip
            [port] = ports.create_ports(self._db, [wanted])
        else:
            port = ports.update_port(self._db, row.device_id, bound)
        return {
            "port_id": port.id, "mac": port.mac_address, "network_id": port.network_id,
            "network_name": port.network_name, "is_ours": row.arguments["is_ours"],
            "ips": [{"address": ip["ip_address"], "version": 4, "subnet_id": ip["subnet_id"]}
                    for ip in port.fixed_ips or ()],
        }  # fmt: skip


@pytest.fixture
def host(cloud: Cloud) -> Iterator[Host]:
    made = Host(cloud)
    yield made
    made.stop()


@pytest.fixture
def api(cloud: Cloud) -> Iterator[Api]:
    """The compute API over an ACTIVE server without ports, a network and a port of the user's."""
    record(cloud, DEMO_PROJECT, [SERVER], "plugged")
    change(cloud, SERVER, vm_state=VmState.ACTIVE, task_state=None, host="host1", node="host1")
    networks.create_networks(cloud.db, [
        Network(id=NETWORK, name="own", project_id=DEMO_PROJECT),
        Network(id=FOREIGN, name="foreign", project_id=OTHER_PROJECT),
    ])  # fmt: skip
    networks.create_subnets(cloud.db, [
        Subnet(id=SUBNET, network_id=NETWORK, project_id=DEMO_PROJECT, name="own", ip_version=4,
               cidr="10.1.0.0/24", gateway_ip="10.1.0.1",
               allocation_pools=({"start": "10.1.0.2", "end": "10.1.0.99"},)),
    ])  # fmt: skip
    ports.create_ports(cloud.db, [Port(id=GIVEN, network_id=NETWORK, project_id=DEMO_PROJECT)])
    yield cloud.api("osapi_compute")
    with cloud.db.write() as connection:
        for table in (schema.device_changes, schema.ip_allocations,
                      schema_network.port_security_groups, schema.ports, schema.subnets,
                      schema.networks, schema.instances, schema.instance_actions):  # fmt: skip
            connection.execute(sa.delete(table))


def attach(api: Api, *, token: str = DEMO, **asked: Any) -> Any:
    return api("POST", PATH, {"interfaceAttachment": asked}, token=token)


def message(answer: Any) -> str:
    """Return the text of a fault."""
    return str(next(iter(answer.json.values()))["message"])


@pytest.mark.usefixtures("host")
def test_a_port_is_made_and_goes_with_the_interface(api: Api, cloud: Cloud) -> None:
    """Answered with the address that the guest has; the server shows it, then no more."""
    answer = attach(api, net_id=NETWORK)
    assert answer.status == 200, answer.data
    shown = answer.json["interfaceAttachment"]
    assert set(shown) == {"port_id", "net_id", "mac_addr", "port_state", "fixed_ips"}
    assert (shown["port_id"], shown["net_id"]) == (port_id_of(SERVER, 0), NETWORK)
    assert shown["port_state"] == "ACTIVE"
    assert [set(ip) for ip in shown["fixed_ips"]] == [{"ip_address", "subnet_id"}]
    address = shown["fixed_ips"][0]["ip_address"]
    server = api("GET", f"/v2.1/servers/{SERVER}").json["server"]
    assert [one["addr"] for one in server["addresses"]["own"]] == [address]
    assert api("GET", f"{PATH}/{shown['port_id']}").json == {"interfaceAttachment": shown}
    assert api("GET", PATH).json == {"interfaceAttachments": [shown]}
    kept = instances.get_instance(cloud.db, SERVER).boot_request["networks"]
    assert [one["port_id"] for one in kept] == [shown["port_id"]], "a rebuild asks for it"
    gone = api("DELETE", f"{PATH}/{shown['port_id']}")
    assert (gone.status, gone.data) == (202, b"")
    while api("GET", PATH).json["interfaceAttachments"]:
        pause()
    assert api("GET", f"/v2.1/servers/{SERVER}").json["server"]["addresses"] == {}
    assert api("GET", f"{PATH}/{shown['port_id']}").status == 404


@pytest.mark.usefixtures("host")
def test_a_tag_is_the_interfaces_until_it_leaves(api: Api, cloud: Cloud) -> None:
    """Taken from 2.49 on, shown from 2.70 on."""

    def ask(method: str, version: str, path: str = "", body: Any = None) -> Any:
        headers = {"OpenStack-API-Version": f"compute {version}"}
        return api(method, PATH + path, body, headers=headers)

    body = {"interfaceAttachment": {"port_id": GIVEN, "tag": "wan"}}
    assert ask("POST", "2.48", body=body).status == 400
    made = ask("POST", "2.70", body=body).json["interfaceAttachment"]
    assert (made["port_id"], made["tag"]) == (GIVEN, "wan")
    assert ask("GET", "2.70").json["interfaceAttachments"] == [made]
    assert "tag" not in ask("GET", "2.69", f"/{GIVEN}").json["interfaceAttachment"]
    assert ask("GET", "2.70", f"/{GIVEN}").json["interfaceAttachment"] == made
    assert ask("DELETE", "2.70", f"/{GIVEN}").status == 202
    while ports.get_port(cloud.db, GIVEN).device_id:
        pause()
    assert device_tags.list_tags(cloud.db, SERVER) == {}


@pytest.mark.usefixtures("host")
def test_a_given_port_outlives_the_interface(api: Api, cloud: Cloud) -> None:
    """It is bound, then free again; no body means the only network there is."""
    assert attach(api, port_id=GIVEN).json["interfaceAttachment"]["port_id"] == GIVEN
    again = attach(api, port_id=GIVEN)
    assert (again.status, message(again)) == (409, f"Port {GIVEN} is still in use.")
    assert attach(api).json["interfaceAttachment"]["net_id"] == NETWORK
    assert api("DELETE", f"{PATH}/{GIVEN}").status == 202
    while ports.get_port(cloud.db, GIVEN).device_id:
        pause()
    assert len(api("GET", PATH).json["interfaceAttachments"]) == 1


def test_an_attach_that_fails_leaves_nothing(api: Api, cloud: Cloud, host: Host) -> None:
    """500 as Nova has it, the port is free, and the server's action says why."""
    host.error = "it broke"
    assert attach(api, port_id=GIVEN).status == 500
    assert ports.get_port(cloud.db, GIVEN).device_id == ""
    assert api("GET", PATH).json == {"interfaceAttachments": []}
    [done] = [
        one for one in instances.list_actions(cloud.db, SERVER) if one.action == "attach_interface"
    ]  # fmt: skip
    assert done.message == "it broke"


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        ({"net_id": NETWORK, "port_id": GIVEN}, 400, "Must not input both network_id and port_id"),
        ({"fixed_ips": [{"ip_address": "10.1.0.9"}]}, 400,
         "Must input network_id when request IP address"),
        ({"net_id": SERVER}, 404, f"Network {SERVER} could not be found."),
        ({"net_id": FOREIGN}, 404, f"Network {FOREIGN} could not be found."),
        ({"port_id": SERVER}, 404, f"Port {SERVER} could not be found."),
        ({"net_id": NETWORK, "fixed_ips": [{"ip_address": "10.2.0.9"}]}, 400,
         f"Fixed IP 10.2.0.9 is not a valid ip address for network {NETWORK}."),
        ({"net_id": NETWORK, "fixed_ips": [{"ip_address": "10.1.0.2"}]}, 409,
         "Fixed IP address 10.1.0.2 is already in use."),
    ],
)  # fmt: skip
def test_what_cannot_be_attached(api: Api, asked: Any, status: int, text: str) -> None:
    """Refused at once, in Nova's words; the given port has the network's first address."""
    refused = attach(api, **asked)
    assert (refused.status, message(refused)) == (status, text)


@pytest.mark.parametrize(
    "asked",
    [
        {"net_id": "no-uuid"}, {"more": 1}, {"net_id": NETWORK, "fixed_ips": []},
        {"net_id": NETWORK, "fixed_ips": [{"ip_address": "10.1.0.300"}]},
        {"net_id": NETWORK, "fixed_ips": [{"ip_address": f"10.1.0.{n}"} for n in (8, 9)]},
        {"net_id": NETWORK, "tag": "later"},
    ],
)  # fmt: skip
def test_bodies_that_are_refused(api: Api, asked: Any) -> None:
    """400; tags come with a later microversion."""
    assert attach(api, **asked).status == 400


def test_what_is_not_the_servers(api: Api) -> None:
    """404 in Nova's words for a port that is elsewhere, 404 for another's server."""
    text = f"Instance {SERVER} does not have a port with id {GIVEN}"
    for method in ("GET", "DELETE"):
        refused = api(method, f"{PATH}/{GIVEN}")
        assert (refused.status, message(refused)) == (404, text)
    calls = (("GET", ""), ("POST", ""), ("GET", f"/{GIVEN}"), ("DELETE", f"/{GIVEN}"))
    seen = [
        api(method, PATH + path, {} if method == "POST" else None, token=OTHER).status
        for method, path in calls
    ]
    assert seen == [404] * len(calls)


def test_a_server_in_error_is_left_alone(api: Api, cloud: Cloud) -> None:
    """409 in Nova's words."""
    change(cloud, SERVER, vm_state=VmState.ERROR)
    refused = attach(api, net_id=NETWORK)
    assert refused.status == 409
    assert message(refused) == (
        f"Cannot 'attach_interface' instance {SERVER} while it is in vm_state error"
    )
