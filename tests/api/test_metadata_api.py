"""What a guest reads of its instance over HTTP, and who is believed to be which guest."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.db import device_tags, networks, ports, schema, schema_network
from devstack_lite.objects.network import Network, Port, Subnet
from devstack_lite.states import VmState
from tests.api.conftest import DEMO_PROJECT, OTHER, OTHER_PROJECT, Answer, Api, Cloud
from tests.api.test_compute_servers import change, record

SERVER = "5e5e5e5e-0000-4000-8000-0000000000f0"
BARE = "5e5e5e5e-0000-4000-8000-0000000000f1"
NETWORK = "00000000-0000-4000-8000-0000000000f2"
TWIN = "00000000-0000-4000-8000-0000000000f3"
PORT = "00000000-0000-4000-8000-0000000000f4"
PORT_6 = "00000000-0000-4000-8000-0000000000f5"
KEY = "ssh-ed25519 AAAA me"
SECRET = "the proxy's"
ADDRESS, TWIN_ADDRESS, FLOATING = "10.7.0.5", "10.7.0.9", "172.24.4.9"
DATES = ["2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06",
         "2017-02-22", "2018-08-27", "2020-10-14", "latest"]  # fmt: skip
EC2_VERSIONS = ["1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15",
                "2008-02-01", "2008-09-01", "2009-04-04", "latest"]  # fmt: skip

Override = Callable[..., None]


@pytest.fixture
def override(cloud: Cloud) -> Iterator[Override]:
    """Set options of a group for one test."""
    changed: list[tuple[str, str]] = []

    def put(group: str, **values: Any) -> None:
        for name, value in values.items():
            cloud.conf.set_override(name, value, group=group)
            changed.append((name, group))

    yield put
    for name, group in changed:
        cloud.conf.clear_override(name, group=group)


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Iterator[Api]:
    """The metadata API over a server with one of everything, and one with nothing."""
    record(cloud, DEMO_PROJECT, [SERVER], "web_1")
    record(cloud, OTHER_PROJECT, [BARE], "bare")
    make_network(cloud)
    change(
        cloud, SERVER, vm_state=VmState.ACTIVE, task_state=None, host="host1", node="host1",
        key_name="mine", user_data=base64.b64encode(b"#!/bin/sh\necho \xff\n").decode(),
        metadata={"colour": "red"}, availability_zone="nova",
        boot_request={"key_data": KEY, "networks": [{}, {}]},
        network_info=[
            {"port_id": PORT, "network_name": "own", "ips": []},
            {"port_id": PORT_6, "network_name": "own", "ips": []},
        ],
    )  # fmt: skip
    yield cloud.api("metadata")
    with cloud.db.write() as connection:
        for table in (
            schema_network.floating_ips, schema_network.port_security_groups,
            schema.volume_attachments, schema.volumes, schema.ip_allocations, schema.ports,
            schema.subnets, schema.networks, schema.instances, schema.instance_actions,
        ):  # fmt: skip
            connection.execute(sa.delete(table))


def make_network(cloud: Cloud) -> None:
    """Make two networks that overlap, ports of both servers on them, a floating IP, a volume."""
    networks.create_networks(cloud.db, [
        Network(id=NETWORK, name="own", project_id=DEMO_PROJECT, mtu=1400),
        Network(id=TWIN, name="twin", project_id=OTHER_PROJECT),
    ])  # fmt: skip
    pool = ({"start": "10.7.0.2", "end": "10.7.0.99"},)
    shared: dict[str, Any] = {"ip_version": 4, "cidr": "10.7.0.0/24", "allocation_pools": pool}
    networks.create_subnets(cloud.db, [
        Subnet(
            id="s-4", network_id=NETWORK, project_id=DEMO_PROJECT, name="four", enable_dhcp=False,
            gateway_ip="10.7.0.1", dns_nameservers=("9.9.9.9",),
            host_routes=({"destination": "10.8.0.0/16", "nexthop": "10.7.0.2"},), **shared,
        ),
        Subnet(
            id="s-6", network_id=NETWORK, project_id=DEMO_PROJECT, name="six", ip_version=6,
            cidr="fd00:7::/64", gateway_ip="fd00:7::1",
            allocation_pools=({"start": "fd00:7::2", "end": "fd00:7::ff"},),
        ),
        Subnet(id="s-t", network_id=TWIN, project_id=OTHER_PROJECT, name="twin", **shared),
    ])  # fmt: skip
    common: dict[str, Any] = {"project_id": DEMO_PROJECT, "device_owner": "compute:nova"}
    four, six = ({"subnet_id": "s-4", "ip_address": ADDRESS},), ({"subnet_id": "s-6"},)
    both = [{"subnet_id": "s-4", "ip_address": TWIN_ADDRESS}]
    also = [{"subnet_id": "s-t", "ip_address": TWIN_ADDRESS}]
    ports.create_ports(cloud.db, [
        Port(id=PORT, network_id=NETWORK, device_id=SERVER, fixed_ips=four, **common),
        Port(id=PORT_6, network_id=NETWORK, device_id=SERVER, fixed_ips=six, **common),
        Port(id="t-1", network_id=NETWORK, device_id=SERVER, fixed_ips=tuple(both), **common),
        Port(
            id="t-2", network_id=TWIN, project_id=OTHER_PROJECT, device_owner="compute:nova",
            device_id=BARE, fixed_ips=tuple(also),
        ),
    ])  # fmt: skip
    now = schema.networks.c.created_at
    with cloud.db.write() as connection:
        moment = connection.execute(sa.select(now)).scalars().first()
        connection.execute(schema_network.floating_ips.insert().values(
            id="f-1", project_id=DEMO_PROJECT, network_id=NETWORK, address=FLOATING,
            floating_port_id="fp", port_id=PORT, fixed_address=ADDRESS, created_at=moment,
            updated_at=moment,
        ))  # fmt: skip
        connection.execute(schema.volumes.insert().values(
            id="v-1", project_id=DEMO_PROJECT, user_id="d", size_gb=1, status="in-use",
            volume_type="", availability_zone="nova", bootable=False, multiattach=False,
            metadata={}, image_metadata={}, created_at=moment, updated_at=moment,
        ))  # fmt: skip
        connection.execute(schema.volume_attachments.insert().values(
            id="a-1", volume_id="v-1", instance_uuid=SERVER, status="attached", connector={},
            mountpoint="/dev/vdb",
        ))  # fmt: skip
        device_tags.set_tag(connection, SERVER, PORT, "outside")
        device_tags.set_tag(connection, SERVER, "v-1", "data")


@pytest.fixture
def guest(api: Api, override: Override) -> Callable[..., Answer]:
    """Ask as a guest whose address a proxy says."""
    override("api", use_forwarded_for=True)

    def ask(path: str, address: str = ADDRESS, method: str = "GET", **more: Any) -> Answer:
        return api(method, path, token=None, headers={"X-Forwarded-For": address}, **more)

    return ask


def lines(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.data
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
    return answer.data.decode().splitlines()


Guest = Callable[..., Answer]


def test_the_versions_are_novas(guest: Guest, api: Api) -> None:
    """Of the ec2 tree to anybody, of the openstack tree to a guest."""
    assert lines(api("GET", "/", token=None)) == EC2_VERSIONS
    assert lines(guest("/ec2")) == EC2_VERSIONS
    assert lines(guest("/openstack")) == lines(guest("/openstack/")) == DATES


def test_each_version_has_the_files_of_its_time(guest: Guest) -> None:
    """The oldest has two, the latest all; what a version has not is 404 in it."""
    assert lines(guest("/openstack/2012-08-10")) == ["meta_data.json", "user_data"]
    every = ["meta_data.json", "user_data", "password", "vendor_data.json", "network_data.json",
             "vendor_data2.json"]  # fmt: skip
    assert lines(guest("/openstack/latest/")) == lines(guest("/openstack/2016-10-06")) == every
    assert lines(guest("/openstack/2015-10-15")) == every[:-1]
    assert guest("/openstack/2012-08-10/password").status == 404
    assert guest("/openstack/2013-04-04/vendor_data.json").status == 404
    assert guest("/openstack/2016-06-30/vendor_data2.json").status == 404


def test_meta_data_json(guest: Guest) -> None:
    """All of the latest; an old version has fewer keys."""
    answer = guest("/openstack/latest/meta_data.json")
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    found = answer.json
    assert len(base64.b64decode(found.pop("random_seed"))) == 512
    with_mac = found["devices"][1].pop("mac")
    assert found == {
        "uuid": SERVER, "meta": {"colour": "red"}, "hostname": "web-1.novalocal", "name": "web_1",
        "public_keys": {"mine": KEY}, "keys": [{"name": "mine", "type": "ssh", "data": KEY}],
        "launch_index": 0, "availability_zone": "nova", "project_id": DEMO_PROJECT,
        "devices": [
            {"type": "disk", "bus": "none", "address": "none", "serial": "v-1",
             "path": "/dev/vdb", "tags": ["data"]},
            {"type": "nic", "bus": "none", "address": "none", "tags": ["outside"]},
        ],
        "dedicated_cpus": [],
    }  # fmt: skip
    links = guest("/openstack/latest/network_data.json").json["links"]
    assert with_mac == links[0]["ethernet_mac_address"]
    oldest = set(guest("/openstack/2012-08-10/meta_data.json").json)
    assert set(found) - oldest == {"project_id", "devices", "dedicated_cpus"}


def test_network_data_json(guest: Guest) -> None:
    """Addresses where the subnet has no DHCP, and only that there is DHCP where it has."""
    found = guest("/openstack/latest/network_data.json").json
    assert [(one["id"], one["vif_id"], one["type"], one["mtu"]) for one in found["links"]] == [
        (f"tap{PORT}"[:14], PORT, "phy", 1400), (f"tap{PORT_6}"[:14], PORT_6, "phy", 1400),
    ]  # fmt: skip
    dns = {"type": "dns", "address": "9.9.9.9"}
    assert found["networks"] == [
        {
            "id": "network0", "type": "ipv4", "link": f"tap{PORT}"[:14], "network_id": NETWORK,
            "ip_address": ADDRESS, "netmask": "255.255.255.0", "services": [dns],
            "routes": [
                {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.7.0.1"},
                {"network": "10.8.0.0", "netmask": "255.255.0.0", "gateway": "10.7.0.2"},
            ],
        },
        {"id": "network1", "type": "ipv6_dhcp", "link": f"tap{PORT_6}"[:14],
         "network_id": NETWORK},
    ]  # fmt: skip
    assert found["services"] == [dns]


def test_user_data_is_as_the_user_gave_it(guest: Guest) -> None:
    """Byte by byte, in both trees."""
    given = b"#!/bin/sh\necho \xff\n"
    assert guest("/openstack/latest/user_data").data == given
    assert guest("/latest/user-data").data == given


def test_the_ec2_tree(guest: Guest) -> None:
    """Listed a line each, folders with a slash; older versions have less."""
    assert lines(guest("/latest")) == ["meta-data/", "user-data"]
    assert lines(guest("/latest/meta-data/")) == [
        "ami-id", "ami-launch-index", "ami-manifest-path", "block-device-mapping/", "hostname",
        "instance-action", "instance-id", "instance-type", "local-hostname", "local-ipv4",
        "placement/", "public-hostname", "public-ipv4", "public-keys/", "reservation-id",
        "security-groups",
    ]  # fmt: skip
    assert lines(guest("/1.0/meta-data")) == [
        "ami-id", "ami-launch-index", "ami-manifest-path", "hostname", "instance-id",
        "local-ipv4", "public-keys/", "reservation-id", "security-groups",
    ]  # fmt: skip
    for name, value in {
        "instance-id": "i-5e5e5e5e", "ami-id": "ami-iiiiiiii", "instance-type": "m1.tiny",
        "local-ipv4": ADDRESS, "public-ipv4": FLOATING, "hostname": "web-1.novalocal",
        "security-groups": "default", "reservation-id": "r-12345678",
        "placement": "availability-zone", "placement/availability-zone": "nova",
        "public-keys": "0=mine", "public-keys/0": "openssh-key", "public-keys/0/openssh-key": KEY,
        "block-device-mapping/ami": "vda", "block-device-mapping/root": "/dev/vda",
        "block-device-mapping/ebs0": "/dev/vdb", "ami-launch-index": "0",
    }.items():  # fmt: skip
        assert lines(guest(f"/2009-04-04/meta-data/{name}")) == [value], name
        assert lines(guest(f"/ec2/latest/meta-data/{name}/")) == [value], name


@pytest.mark.parametrize(
    "path",
    ["/openstack/2011-01-01", "/openstack/latest/nothing", "/openstack/latest/meta_data.json/x",
     "/2011-01-01", "/latest/dynamic", "/latest/meta-data/nothing", "/latest/meta-data/hostname/x",
     "/latest/meta-data/public-keys/1", "/latest/meta-data/public-keys/0/_name",
     "/openstack/content", "/openstack/content/0000", "/latest/api/token"],
)  # fmt: skip
def test_what_is_not_there(guest: Guest, path: str) -> None:
    """404, in WebOb's text as Nova has it."""
    answer = guest(path)
    assert answer.status == 404
    assert answer.data == b"404 Not Found\n\nThe resource could not be found.\n\n"
    assert answer.headers["x-compute-request-id"].startswith("req-")


def test_a_server_with_nothing(guest: Guest, api: Api, override: Override) -> None:
    """Has no user data, no key, no interface; everything else is there."""
    override("neutron", service_metadata_proxy=True, metadata_proxy_shared_secret=SECRET)

    def ask(path: str) -> Answer:
        return api("GET", path, token=None, headers=signed(BARE, OTHER_PROJECT))

    assert "user_data" not in lines(ask("/openstack/latest"))
    assert ask("/openstack/latest/user_data").status == ask("/latest/user-data").status == 404
    assert lines(ask("/latest")) == ["meta-data/"]
    assert ask("/latest/meta-data/public-keys").status == 404
    assert ask("/openstack/latest/network_data.json").json == {}
    assert {"meta", "keys"}.isdisjoint(ask("/openstack/latest/meta_data.json").json)
    assert ask("/latest/meta-data/public-ipv4").data == b""


def signed(uuid: str, project_id: str, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of Neutron's metadata proxy."""
    signature = hmac.new(secret.encode(), uuid.encode(), hashlib.sha256).hexdigest()
    return {"X-Instance-ID": uuid, "X-Tenant-ID": project_id, "X-Instance-ID-Signature": signature,
            "X-Forwarded-For": ADDRESS}  # fmt: skip


def test_an_address_is_the_connections_own(api: Api, override: Override) -> None:
    """X-Forwarded-For counts where it is configured to, and nowhere else."""
    headers = {"X-Forwarded-For": ADDRESS}
    path = "/openstack/latest/meta_data.json"
    assert api("GET", path, token=None, headers=headers).status == 404
    override("api", use_forwarded_for=True)
    assert api("GET", path, token=None, headers=headers).json["uuid"] == SERVER
    assert api("GET", path, token=None, headers={"X-Forwarded-For": "10.7.0.77"}).status == 404
    assert api("GET", path, token=None, headers=signed(BARE, OTHER_PROJECT)).json["uuid"] == SERVER


def test_an_address_that_two_have(guest: Guest) -> None:
    """Nova's words and status: it cannot say whose it is."""
    answer = guest("/openstack/latest/meta_data.json", TWIN_ADDRESS)
    assert answer.status == 500
    assert b"An unknown error has occurred. Please try your request again." in answer.data


def test_a_port_of_another_project_makes_nobody_a_guest(guest: Guest, cloud: Cloud) -> None:
    """Neither who names another's server as its device, nor who takes a server's own address."""
    path, stolen = "/openstack/latest/meta_data.json", "10.7.0.50"
    common: dict[str, Any] = {
        "network_id": TWIN, "project_id": OTHER_PROJECT, "device_owner": "compute:nova",
    }  # fmt: skip
    ports.create_ports(cloud.db, [
        Port(id=f"o-{number}", device_id=device, **common,
             fixed_ips=({"subnet_id": "s-t", "ip_address": address},))
        for number, (device, address) in enumerate([(SERVER, stolen), ("nobody", ADDRESS)])
    ])  # fmt: skip
    assert guest(path, stolen).status == 404
    assert guest(path).json["uuid"] == SERVER
    moved = schema.ports.update().where(schema.ports.c.id == "o-1").values(device_id=SERVER)
    with cloud.db.write() as connection:
        connection.execute(moved)
    assert guest(path).json["uuid"] == SERVER


def test_the_address_of_a_deleted_server_is_nobodys(guest: Guest, cloud: Cloud) -> None:
    path, address = "/openstack/latest/meta_data.json", "10.7.0.51"
    gone = "5e5e5e5e-0000-4000-8000-0000000000f9"
    record(cloud, DEMO_PROJECT, [gone], "gone")
    fixed_ips = ({"subnet_id": "s-4", "ip_address": address},)
    ports.create_ports(cloud.db, [
        Port(id="o-9", network_id=NETWORK, project_id=DEMO_PROJECT, device_id=gone,
             device_owner="compute:nova", fixed_ips=fixed_ips),
    ])  # fmt: skip
    assert guest(path, address).json["uuid"] == gone
    change(cloud, gone, deleted_at=utcnow())
    assert guest(path, address).status == 404


def test_neutrons_proxy_is_believed_by_its_signature(api: Api, override: Override) -> None:
    """With the secret, and about an instance of the project that it names."""
    override("neutron", service_metadata_proxy=True, metadata_proxy_shared_secret=SECRET)
    path = "/openstack/latest/meta_data.json"

    def ask(headers: dict[str, str]) -> tuple[int, bytes]:
        answer = api("GET", path, token=None, headers=headers)
        return answer.status, answer.data

    good = signed(SERVER, DEMO_PROJECT)
    assert json.loads(ask(good)[1])["uuid"] == SERVER
    forged = b"403 Forbidden\n\nInvalid proxy request signature.\n\n"
    assert ask(signed(SERVER, DEMO_PROJECT, "wrong")) == (403, forged)
    assert ask({**good, "X-Instance-ID": BARE}) == (403, forged)
    assert ask({**good, "X-Instance-ID-Signature": "é"})[0] == 403
    for name in ("X-Instance-ID", "X-Tenant-ID"):
        status, text = ask({key: value for key, value in good.items() if key != name})
        assert (status, name.encode() in text) == (400, True)
    without = {key: value for key, value in good.items() if key != "X-Instance-ID-Signature"}
    assert ask(without) == (403, forged)
    assert ask(signed(SERVER, OTHER_PROJECT))[0] == 404
    assert ask(signed("nobody", OTHER_PROJECT))[0] == 404


def test_vendor_data(guest: Guest, override: Override, tmp_path: Path) -> None:
    """From a file, as it is now; what is no JSON object is nothing."""
    one, two = "/openstack/latest/vendor_data.json", "/openstack/latest/vendor_data2.json"
    assert (guest(one).json, guest(two).json) == ({}, {"static": {}})
    path = tmp_path / "vendor.json"
    override("api", vendordata_jsonfile_path=str(path))
    assert guest(one).json == {}
    path.write_text('{"support": "ext 7"}')
    assert (guest(one).json, guest(two).json) == ({"support": "ext 7"},
                                                  {"static": {"support": "ext 7"}})  # fmt: skip
    override("api", vendordata_providers=[])
    assert guest(two).json == {}
    path.write_text("[1]")
    assert guest(one).json == {}


def test_a_path_that_is_no_text_is_nothing(guest: Guest) -> None:
    assert guest("/%ff").status == 404


def test_a_password_is_posted_once(guest: Guest, cloud: Cloud) -> None:
    """And shown by the compute API, until its owner forgets it; the same again is no other."""
    path, shown = "/openstack/latest/password", f"/v2.1/servers/{SERVER}/os-server-password"
    compute = cloud.api("osapi_compute")
    assert (guest(path).status, guest(path).data) == (200, b"")
    assert guest(path, method="PUT", data=b"x").status == 400
    assert guest(path, method="POST", data=b"x" * 1021).status == 400
    assert guest(path, method="POST", data=b"\xff").status == 400
    secret = "crypt" * 100
    posted = guest(path, method="POST", data=secret.encode())
    assert (posted.status, posted.data) == (200, b"")
    assert guest(path, method="POST", data=secret.encode()).status == 200
    assert guest(path, method="POST", data=b"another").status == 409
    assert guest(path, method="POST", data=b"").status == 409
    assert guest(path).data.decode() == secret
    assert compute("GET", shown).json == {"password": secret}
    assert compute("GET", shown, token=OTHER).status == 404
    assert compute("DELETE", shown).status == 204
    assert (guest(path).data, compute("GET", shown).json) == (b"", {"password": ""})
    assert guest(path, method="POST", data=b"another").status == 200


def test_health(api: Api) -> None:
    """Anybody may ask whether it is well."""
    assert api("GET", "/healthcheck", token=None).status == 200
