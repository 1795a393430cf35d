"""How addresses are given out: each once, many at a time, whatever is taken already."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from devstack_lite.db import networks, ports
from devstack_lite.db.addresses import WINDOW, Pool
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import ip_allocations, metadata, subnets
from devstack_lite.db.schema import ports as port_table
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.objects.network import Network, Port, Subnet

Make = Callable[..., Port]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'network.sqlite'}")
    metadata.create_all(made.engine)
    yield made
    made.engine.dispose()


def make_network(db: Database, *cidrs: str) -> str:
    network_id = str(uuid.uuid4())
    networks.create_networks(db, [Network(id=network_id, name="n", project_id="p")])
    for cidr in cidrs:
        networks.create_subnets(db, [make_subnet(network_id, cidr)])
    return network_id


def make_subnet(network_id: str, cidr: str) -> Subnet:
    import ipaddress

    hosts = ipaddress.ip_network(cidr)
    first, last = hosts.network_address + 2, hosts.broadcast_address - 1
    return Subnet(
        id=str(uuid.uuid4()), network_id=network_id, project_id="p", name="", cidr=cidr,
        ip_version=hosts.version, gateway_ip=str(hosts.network_address + 1),
        allocation_pools=({"start": str(first), "end": str(last)},),
    )  # fmt: skip


def wanted(network_id: str, **values: Any) -> Port:
    return Port(id=str(uuid.uuid4()), network_id=network_id, project_id="p", **values)


def create(db: Database, network_id: str, count: int = 1, **values: Any) -> list[Port]:
    return ports.create_ports(db, [wanted(network_id, **values) for _ in range(count)])


def addresses(made: list[Port]) -> list[str]:
    return [fixed["ip_address"] for port in made for fixed in port.fixed_ips or ()]


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(db.engine, "before_cursor_execute", note)


def count_rows(db: Database, table: sa.Table) -> int:
    with db.read() as connection:
        query = sa.select(sa.func.count()).select_from(table)
        return int(connection.execute(query).scalar_one())


def test_pools_are_one_row_of_addresses() -> None:
    """Every address is met once, from any offset on."""
    pool = Pool(
        [{"start": "10.0.0.1", "end": "10.0.0.3"}, {"start": "10.0.0.8", "end": "10.0.0.9"}]
    )
    everything = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.8", "10.0.0.9"]
    assert everything == [pool.at(offset) for offset in range(pool.size)]
    with pytest.raises(IndexError):
        pool.at(5)
    for start in range(5):
        for length in range(1, 7):
            met = [one for _, part in pool.windows(start, length) for one in part]
            assert everything[start:] + everything[:start] == met


def test_many_ports_are_few_statements(db: Database) -> None:
    """200 ports of one subnet take as many statements as one: thirteen, the BEGIN among them."""
    network_id = make_network(db, "10.0.0.0/16")
    create(db, network_id)  # makes the project's default group
    with statements(db) as for_one:
        create(db, network_id)
    with statements(db) as for_many:
        made = create(db, network_id, 200)
    assert len(set(addresses(made))) == 200
    assert len({port.mac_address for port in made}) == 200
    assert len(for_many) == len(for_one) <= 13


def test_what_is_taken_costs_nothing(db: Database) -> None:
    """With 5,000 addresses taken the next one takes no more statements than the first."""
    network_id = make_network(db, "10.0.0.0/16")
    create(db, network_id)
    with statements(db) as at_first:
        create(db, network_id)
    for _ in range(5):
        create(db, network_id, 1000)
    with statements(db) as later:
        made = create(db, network_id)
    assert len(at_first) == len(later)
    assert addresses(made) == ["10.0.19.140"]


def test_freed_addresses_are_used_again_after_all_others(db: Database) -> None:
    """The search goes on where it ended, round and round; when nothing is free it says so."""
    network_id = make_network(db, "10.0.0.0/29")
    made = create(db, network_id, 3)
    assert addresses(made) == ["10.0.0.2", "10.0.0.3", "10.0.0.4"]
    assert ports.delete_port(db, made[1].id)
    assert not ports.delete_port(db, made[1].id)
    assert addresses(create(db, network_id, 2)) == ["10.0.0.5", "10.0.0.6"]
    assert addresses(create(db, network_id)) == ["10.0.0.3"]
    before = count_rows(db, port_table), count_rows(db, ip_allocations)
    with pytest.raises(Conflict, match="No more IP addresses available on network") as refused:
        create(db, network_id)
    assert refused.value.kind == "IpAddressGenerationFailure"
    assert before == (count_rows(db, port_table), count_rows(db, ip_allocations))


def test_all_or_none(db: Database) -> None:
    """A request for more ports than there are addresses leaves nothing behind."""
    network_id = make_network(db, "10.0.0.0/29")
    with pytest.raises(Conflict):
        create(db, network_id, 6)
    assert (count_rows(db, port_table), count_rows(db, ip_allocations)) == (0, 0)
    assert len(addresses(create(db, network_id, 5))) == 5


def test_the_next_subnet_is_taken_when_one_is_full(db: Database) -> None:
    """A port gets one address of each version, from any subnet of it."""
    network_id = make_network(db, "10.0.0.0/30", "10.0.1.0/29", "fd00::/64")
    made = create(db, network_id, 3)
    assert [2, 2, 2] == [len(port.fixed_ips or ()) for port in made]
    assert sorted(one for one in addresses(made) if "." in one) == [
        "10.0.0.2", "10.0.1.2", "10.0.1.3",
    ]  # fmt: skip


def test_a_wide_hole_is_found(db: Database) -> None:
    """One free address among thousands is found, in growing windows."""
    network_id = make_network(db, "10.0.0.0/20")
    made = create(db, network_id, 4093)
    free = made[3000]
    ports.delete_port(db, free.id)
    with statements(db) as seen:
        assert addresses([free]) == addresses(create(db, network_id))
    assert len(seen) <= 9 + 4096 // WINDOW


def test_the_same_request_makes_the_same_ports(db: Database) -> None:
    """Delivered twice: the same ports and no second address, even when some were made already."""
    network_id = make_network(db, "10.0.0.0/24")
    asked = [wanted(network_id, device_id="d", host_id="c1", status="ACTIVE") for _ in range(3)]
    first = ports.create_ports(db, asked)
    assert first == ports.create_ports(db, asked)
    ports.delete_port(db, asked[0].id)
    again = ports.create_ports(db, asked)
    assert first[1:] == again[1:]
    assert [port.id for port in asked] == [port.id for port in again]
    assert count_rows(db, ip_allocations) == 3


def test_a_later_attempt_moves_the_ports(db: Database) -> None:
    """Asked for by another host, they keep their addresses and go there."""
    network_id = make_network(db, "10.0.0.0/24")
    asked = [wanted(network_id, device_id="d", host_id="c1", status="ACTIVE") for _ in range(2)]
    first = ports.create_ports(db, asked)
    moved = ports.create_ports(db, [replace(port, host_id="c2") for port in asked])
    assert [("c2", port.mac_address, port.fixed_ips) for port in first] == [
        (port.host_id, port.mac_address, port.fixed_ips) for port in moved
    ]
    assert moved == [ports.get_port(db, port.id) for port in asked]


def test_networks_come_back_in_the_order_of_the_request(db: Database) -> None:
    """Delivered twice, a request for many is answered as it was the first time."""
    asked = [Network(id=str(uuid.uuid4()), name=f"n{index}", project_id="p") for index in range(8)]
    first = networks.create_networks(db, asked)
    assert [one.id for one in asked] == [one.id for one in first]
    assert first == networks.create_networks(db, asked)


@pytest.mark.parametrize("values", [{"project_id": "q"}, {"device_id": "e"}])
def test_ids_of_others_are_refused(db: Database, values: dict[str, Any]) -> None:
    """Neither another project nor another device can have a port by naming its id."""
    network_id = make_network(db, "10.0.0.0/24")
    [made] = create(db, network_id, device_id="d")
    asked = replace(wanted(network_id, device_id="d"), id=made.id)
    with pytest.raises(Conflict, match="still in use"):
        ports.create_ports(db, [replace(asked, **values)])
    assert made == ports.get_port(db, made.id)


def test_a_held_port_is_its_holders(db: Database) -> None:
    """Of two devices that want one free port, one gets it, and the other cannot let it go."""
    [made] = create(db, make_network(db, "10.0.0.0/24"))
    taken = ports.update_port(db, made.id, {"device_id": "d"}, holder="d")
    assert taken.device_id == "d"
    assert ports.update_port(db, made.id, {"device_id": "d"}, holder="d").device_id == "d"
    for values in ({"device_id": "e"}, {"device_id": ""}):
        with pytest.raises(Conflict, match="still in use"):
            ports.update_port(db, made.id, values, holder="e")
    assert ports.update_port(db, made.id, {"device_id": ""}, holder="d").device_id == ""


def run_all(work: list[Callable[[], Any]], *, threads: int) -> list[Any]:
    with ThreadPoolExecutor(threads) as pool:
        return [one.result() for one in [pool.submit(part) for part in work]]


def test_200_creators_get_200_addresses(db: Database) -> None:
    """At once, in several threads, on one subnet."""
    network_id = make_network(db, "10.0.0.0/16")
    made = run_all([lambda: create(db, network_id)] * 200, threads=16)
    found = addresses([port for one in made for port in one])
    assert len(set(found)) == 200
    assert count_rows(db, ip_allocations) == 200


def test_the_last_addresses_are_given_once(db: Database) -> None:
    """Twenty creators want five addresses: five get one each, the others are told."""
    network_id = make_network(db, "10.0.0.0/29")

    def ask() -> list[str]:
        try:
            return addresses(create(db, network_id))
        except Conflict:
            return []

    found = [one for part in run_all([ask] * 20, threads=8) for one in part]
    assert sorted(found) == [f"10.0.0.{last}" for last in range(2, 7)]


def test_a_request_that_comes_many_times_at_once(db: Database) -> None:
    """All answers name the same ports."""
    network_id = make_network(db, "10.0.0.0/24")
    asked = [wanted(network_id, device_id="d") for _ in range(4)]
    answers = run_all([lambda: ports.create_ports(db, asked)] * 12, threads=8)
    assert all(answers[0] == answer for answer in answers)
    assert count_rows(db, ip_allocations) == 4


def test_what_is_held_is_always_what_was_given(db: Database) -> None:
    """Creating and deleting at random never gives an address twice, and loses none."""
    network_id = make_network(db, "10.0.0.0/26")
    seed = random.SystemRandom().randrange(2**32)
    dice = random.Random(seed)
    held: dict[str, Port] = {}
    for _ in range(300):
        if held and dice.random() < 0.45:
            port_id = dice.choice(list(held))
            assert ports.delete_port(db, held.pop(port_id).id)
            continue
        count = dice.randrange(1, 9)
        is_too_many = len(held) + count > 61
        try:
            made = create(db, network_id, count)
        except Conflict:
            assert is_too_many, f"seed {seed}"
            continue
        assert not is_too_many, f"seed {seed}"
        held.update({port.id: port for port in made})
        found = addresses(list(held.values()))
        assert len(found) == len(set(found)), f"seed {seed}"
    assert count_rows(db, ip_allocations) == len(held), f"seed {seed}"


def test_deleting_and_creating_at_once(db: Database) -> None:
    """A network is either deleted or has the port: never a port without a network."""
    for _ in range(10):
        network_id = make_network(db, "10.0.0.0/24")
        gate = threading.Barrier(2)

        def add(network_id: str = network_id, gate: threading.Barrier = gate) -> bool:
            gate.wait(10)
            try:
                create(db, network_id)
            except NotFound:
                return False
            return True

        def remove(network_id: str = network_id, gate: threading.Barrier = gate) -> bool:
            gate.wait(10)
            try:
                networks.delete_network(db, network_id)
            except Conflict:
                return False
            return True

        assert sum(run_all([add, remove], threads=2)) == 1
    with db.read() as connection:
        orphans = sa.select(subnets.c.id).where(
            subnets.c.network_id.not_in(sa.select(sa.text("id from networks")))
        )
        assert connection.execute(orphans).all() == []
