"""Each command of the unmodified `openstack` client that the cloud promises to serve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration import openstack_command
from tests.integration.whole_cloud import WholeCloud, run

pytestmark = pytest.mark.cloud

Ask = Callable[..., Any]


@pytest.fixture
def ask(whole_cloud: WholeCloud) -> Ask:
    """Runs a command that answers, as admin; returns its answer."""
    own = whole_cloud.credentials()
    return lambda *arguments: openstack_command.answer(arguments, own)


@pytest.fixture
def do(whole_cloud: WholeCloud) -> Callable[..., None]:
    """Runs a command that says nothing, as admin."""

    def command(*arguments: str) -> None:
        code, output, errors = openstack_command.run(arguments, whole_cloud.credentials())
        assert code == 0, f"openstack {' '.join(arguments)}\n{output}\n{errors}"

    return command


def names(listed: list[dict[str, Any]], column: str = "Name") -> set[str]:
    return {one[column] for one in listed}


def test_what_a_newcomer_types(whole_cloud: WholeCloud, ask: Ask, do: Ask) -> None:
    """`openstack server create … --wait t1` in a shell of its own boots; delete --wait ends it."""
    own = whole_cloud.credentials()
    boot = ("server", "create", "--flavor", "m1.tiny", "--image", "cirros", "--network", "private")
    run("openstack", *boot, "--wait", "t1", home=whole_cloud.home, env=own)
    shown = ask("server", "show", "t1")
    assert (shown["name"], shown["status"]) == ("t1", "ACTIVE")
    listed = ask("server", "list", "--name", "^t1$")
    assert [(one["Name"], one["Status"], one["Flavor"]) for one in listed] == [
        ("t1", "ACTIVE", "m1.tiny")
    ]
    assert listed[0]["Networks"] == shown["addresses"]
    do("server", "delete", "--wait", "t1")
    assert ask("server", "list", "--name", "^t1$") == []


def test_power_and_events(whole_cloud: WholeCloud, ask: Ask, do: Ask) -> None:
    """Stop, start and both reboots; each is an event with a result."""
    server_id = whole_cloud.boot("t2")
    whole_cloud.wait_for(server_id, "ACTIVE")
    for command, status in (("stop", "SHUTOFF"), ("start", "ACTIVE")):
        do("server", command, "t2")
        whole_cloud.wait_for(server_id, status)
    for kind in ("--soft", "--hard"):
        do("server", "reboot", kind, "--wait", "t2")
        whole_cloud.wait_for(server_id, "ACTIVE")
    events = ask("server", "event", "list", "t2")
    assert [event["Action"] for event in events] == ["reboot", "reboot", "start", "stop", "create"]
    for event in events:
        shown = ask("server", "event", "show", "t2", event["Request ID"])
        assert [one["result"] for one in shown["events"]] == ["Success"]
    do("server", "set", "--name", "t2-renamed", "t2")
    assert ask("server", "show", server_id)["name"] == "t2-renamed"
    do("server", "delete", "t2-renamed")
    whole_cloud.delete_all("t2")


def test_flavors(ask: Ask, do: Ask) -> None:
    """flavor list, create, show and delete."""
    seeded = {"m1.tiny", "m1.small", "m1.medium", "m1.large", "m1.xlarge"}
    assert seeded <= names(ask("flavor", "list"))
    made = ask("flavor", "create", "--ram", "96", "--vcpus", "2", "--disk", "3", "cli")
    assert (made["ram"], made["vcpus"], made["disk"]) == (96, 2, 3)
    assert ask("flavor", "show", "cli")["id"] == made["id"]
    do("flavor", "delete", "cli")
    assert "cli" not in names(ask("flavor", "list"))


def test_images(ask: Ask, do: Ask, tmp_path: Path) -> None:
    """image create with a file to upload, list, show and delete."""
    content = tmp_path / "disk.raw"
    content.write_bytes(b"disk" * 1000)
    made = ask("image", "create", "--disk-format", "raw", "--container-format", "bare",
               "--file", str(content), "cli")  # fmt: skip
    shown = ask("image", "show", "cli")
    assert (shown["id"], shown["status"], shown["size"]) == (made["id"], "active", 4000)
    copy = tmp_path / "copy.raw"
    do("image", "save", "--file", str(copy), "cli")
    assert copy.read_bytes() == content.read_bytes()
    do("image", "delete", "cli")
    assert names(ask("image", "list")) == {"cirros"}


def test_networks_subnets_and_ports(ask: Ask, do: Ask) -> None:
    """network, subnet and port: create, list, show and delete."""
    assert {"public", "private"} <= names(ask("network", "list"))
    network = ask("network", "create", "cli-net")
    subnet = ask("subnet", "create", "--network", "cli-net", "--subnet-range", "192.168.9.0/24",
                 "cli-sub")  # fmt: skip
    assert (subnet["network_id"], subnet["cidr"]) == (network["id"], "192.168.9.0/24")
    port = ask("port", "create", "--network", "cli-net", "cli-port")
    assert port["fixed_ips"][0]["ip_address"].startswith("192.168.9.")
    assert ask("network", "show", "cli-net")["subnets"] == [subnet["id"]]
    assert ask("subnet", "show", "cli-sub")["gateway_ip"] == "192.168.9.1"
    assert ask("port", "show", "cli-port")["id"] == port["id"]
    assert names(ask("port", "list", "--network", "cli-net")) == {"cli-port"}
    assert "cli-sub" in names(ask("subnet", "list"))
    for kind, name in (("port", "cli-port"), ("subnet", "cli-sub"), ("network", "cli-net")):
        do(kind, "delete", name)
    assert "cli-net" not in names(ask("network", "list"))


def test_volumes(ask: Ask, do: Ask) -> None:
    """volume create, list, show and delete."""
    ask("volume", "create", "--size", "2", "cli-vol")
    shown = ask("volume", "show", "cli-vol")
    assert (shown["name"], shown["size"], shown["status"]) == ("cli-vol", 2, "available")
    assert "cli-vol" in names(ask("volume", "list"))
    do("volume", "delete", "cli-vol")
    assert "cli-vol" not in names(ask("volume", "list"))


def test_key_pairs(ask: Ask, do: Ask, tmp_path: Path) -> None:
    """keypair create, list, show and delete; a server that is booted with it says so."""
    private = tmp_path / "key"
    do("keypair", "create", "--private-key", str(private), "cli-key")
    assert "PRIVATE KEY" in private.read_text()
    assert names(ask("keypair", "list")) == {"cli-key"}
    assert ask("keypair", "show", "cli-key")["name"] == "cli-key"
    do("keypair", "delete", "cli-key")
    assert ask("keypair", "list") == []


def test_what_an_administrator_looks_at(ask: Ask) -> None:
    """hypervisor list, show and stats show; compute service list; availability zone list."""
    hosts = {"host1", "host2", "host3"}
    assert names(ask("hypervisor", "list"), "Hypervisor Hostname") == hosts
    shown = ask("hypervisor", "show", "host1")
    assert (shown["hypervisor_hostname"], shown["state"]) == ("host1", "up")
    assert ask("hypervisor", "stats", "show")["count"] == 3
    services = ask("compute", "service", "list")
    assert {(one["Binary"], one["Host"]) for one in services} == {
        ("nova-conductor", "controller"), ("nova-scheduler", "controller"),
        *(("nova-compute", host) for host in hosts),
    }  # fmt: skip
    assert {one["State"] for one in services} == {"up"}
    assert "nova" in names(ask("availability", "zone", "list", "--compute"), "Zone Name")


def test_identity(ask: Ask) -> None:
    """token issue, catalog list and project list."""
    assert ask("token", "issue")["project_id"]
    kinds = {"identity", "compute", "image", "network", "volumev3"}
    assert kinds <= names(ask("catalog", "list"), "Type")
    assert {"admin", "demo"} <= names(ask("project", "list"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("server", "show", "nobody"), "No Server found for nobody"),
        (("flavor", "show", "nobody"), "No Flavor found for nobody"),
        (("server", "create", "--flavor", "m1.tiny", "--image", "nope", "x"), "nope"),
    ],
)
def test_what_is_not_there_is_named(
    whole_cloud: WholeCloud, arguments: tuple[str, ...], said: str
) -> None:
    """The client prints the cloud's words, and exits with 1."""
    code, _, errors = openstack_command.run(arguments, whole_cloud.credentials())
    assert code == 1
    assert said in errors
