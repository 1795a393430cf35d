"""PCI devices through Nova's own code and through ours: aliases, device specs, pools, weights.

Skipped without the nova package, and as many cases as in test_scheduler_against_nova.

Deliberate differences, which the cases leave out: `pci_passthrough:alias` that is not of the form
name:count,… is refused (400) when a server is created, where Nova fails (500) unless the flavor's
microversion had it checked; so is a negative count. An alias of which one definition has a
device_type and another has none is a mismatch, and an error of Python in Nova. A device_spec's
`devname` is refused: it names a network interface of the host that Nova runs on, and a simulated
node has none. `remote_managed` network devices are kept from flavors, as in Nova, but not checked
for the serial number of their card. A pool of which a claim has taken the last device is gone here
and empty in Nova, where it serves requests for none of it. Placement's allocations
(`pci_in_placement`, off by default in Nova) and NUMA cells, which the PCI filter is not given in
Nova either, are no part of it.
"""

from __future__ import annotations

import json
import os
import random
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Flavor, ScheduleRequest
from devstack_lite.objects.pci import PciDevice, PciPool
from devstack_lite.pci import alias, pools
from services.compute import device_spec
from services.scheduler.decide import Scheduler
from services.scheduler.hosts import HostTable
from services.scheduler.pci import PciPassthroughFilter, PCIWeigher
from tests.unit.conftest import make_boot, make_node

pytest.importorskip("nova.scheduler.filters")
import nova.conf
from nova import exception, objects
from nova.objects.pci_device_pool import from_pci_stats
from nova.pci import request, stats, whitelist
from nova.pci import utils as pci_utils
from nova.scheduler.filters import pci_passthrough_filter
from nova.scheduler.weights import pci as pci_weights
from nova.weights import BaseWeightHandler

objects.register_all()

CASES = int(os.environ.get("DEVSTACK_LITE_TEST_CASES", "300"))
HOSTS = 8
IDS = ("10de", "8086", "1AF4")
PRODUCTS = ("1eb8", "154c", "1572")
TYPES = ("type-PCI", "type-PF", "type-VF")
NAMES = ("gpu", "nic", "fpga")


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what gives both the same option of [pci]."""
    own = options.register(cfg.ConfigOpts())
    own([], project="devstack-lite", default_config_files=[])
    monkeypatch.setattr(alias, "cfg", SimpleNamespace(CONF=own))
    theirs = nova.conf.CONF
    theirs([], project="nova", default_config_files=[])

    def both(name: str, value: Any, group: str = "pci") -> None:
        own.set_override(name, value, group=group)
        theirs.set_override(name, value, group=group)
        request.get_alias_from_config.cache_clear()

    yield both
    theirs.clear_override("alias", group="pci")
    theirs.clear_override("device_spec", group="pci")


def make_alias(chance: random.Random, name: str) -> dict[str, str]:
    made = {"name": name, "vendor_id": chance.choice(IDS), "product_id": chance.choice(PRODUCTS)}
    if chance.random() < 0.7:
        made["device_type"] = chance.choice(TYPES)
    if chance.random() < 0.3:
        made["live_migratable"] = chance.choice(("true", "no", "1"))
    if chance.random() < 0.2:
        made["traits"] = "CUSTOM_X"
    return made


def make_aliases(chance: random.Random) -> list[str]:
    """Return definitions of every name, of some of them two of one device_type."""
    found = []
    for name in NAMES:
        one = make_alias(chance, name)
        found.append(one)
        if chance.random() < 0.3:
            other = make_alias(chance, name)
            other.pop("device_type", None)
            if "device_type" in one:
                found.append({**other, "device_type": one["device_type"]})
    return [json.dumps(one) for one in found]


def make_extra_spec(
    chance: random.Random, names: tuple[str, ...] = NAMES, counts: tuple[int, ...] = (0, 1, 1, 2, 3)
) -> str:
    wanted = chance.sample(names, chance.randrange(1, len(names) + 1))
    comma = chance.choice((",", ", ", " , "))
    return comma.join(f"{name}:{chance.choice(counts)}" for name in wanted)


def make_pools(chance: random.Random) -> list[dict[str, Any]]:
    found = []
    for number in range(chance.randrange(7)):
        tags = {"address": f"0000:{number:02x}:00.0"}
        for name, values in (
            ("live_migratable", ("true", "false")), ("remote_managed", ("true", "false")),
            ("physical_network", ("net1",)),
        ):  # fmt: skip
            if chance.random() < 0.25:
                tags[name] = chance.choice(values)
        found.append({
            "vendor_id": chance.choice(("10de", "8086", "1af4")),
            "product_id": chance.choice(PRODUCTS), "dev_type": chance.choice((*TYPES, "vdpa")),
            "numa_node": chance.choice((None, 0, 1)), "count": chance.randrange(1, 5),
            "tags": tags,
        })  # fmt: skip
    # In the order in which Nova keeps them, and so do we.
    return sorted(found, key=lambda pool: len(pool["tags"]))


def novas_stats(own: list[dict[str, Any]]) -> stats.PciDeviceStats:
    flat = [{**{k: v for k, v in one.items() if k != "tags"}, **one["tags"]} for one in own]
    return stats.PciDeviceStats(objects.NUMATopology(), from_pci_stats(flat))


def make_hosts(chance: random.Random) -> tuple[HostTable, list[Any]]:
    table, states = HostTable(), []
    kept = [make_pools(chance) for _ in range(HOSTS)]
    table.load([
        make_node(f"host{number}", pci_stats=tuple(own)) for number, own in enumerate(kept)
    ])  # fmt: skip
    for number, own in enumerate(kept):
        states.append(
            SimpleNamespace(
                host=f"host{number}", nodename=f"host{number}", pci_stats=novas_stats(own),
                allocation_candidates=[{"mappings": {}}], aggregates=[],
            )
        )  # fmt: skip
    return table, states


def make_request(text: str | None) -> ScheduleRequest:
    specs = {} if text is None else {alias.EXTRA_SPEC: text}
    flavor = Flavor(id="1", name="f", vcpus=1, memory_mb=1, root_gb=1, extra_specs=specs)
    return ScheduleRequest(boot=make_boot(flavor=flavor))


def novas_requests(text: str | None) -> Any:
    return request.get_pci_requests_from_flavor(
        {"extra_specs": {} if text is None else {alias.EXTRA_SPEC: text}}
    )


def flattened(left: list[dict[str, Any]] | tuple[PciPool, ...]) -> list[dict[str, Any]]:
    """Return pools of either kind as properties and counts."""
    return [
        {**one.properties, "count": one.count}
        if isinstance(one, PciPool)
        else {k: v for k, v in one.items() if k not in {"devices", "rp_uuid"}}
        for one in left
    ]


def test_the_filter_passes_what_novas_passes(configured: Any) -> None:
    """One instance after the other on the hosts that pass, until none does."""
    chance = random.Random("PciPassthroughFilter")
    seen: set[bool] = set()
    for number in range(CASES):
        if number % 20 == 0:  # Nova takes long over them, and they have a test of their own.
            configured("alias", make_aliases(chance))
        table, states = make_hosts(chance)
        text = make_extra_spec(chance) if chance.random() < 0.9 else None
        wanted, theirs = make_request(text), novas_requests(text)
        spec = SimpleNamespace(pci_requests=theirs)
        table.pci_requests = alias.requests_of(wanted.boot.flavor.extra_specs)
        for _ in range(3):
            novas = pci_passthrough_filter.PciPassthroughFilter()
            expected = [bool(novas.host_passes(state, spec)) for state in states]
            assert PciPassthroughFilter().mask(table, wanted).tolist() == expected, number
            seen.update(expected)
            for row in np.flatnonzero(expected):
                table.consume(int(row), wanted.boot.resources)
                states[row].pci_stats.apply_requests(theirs.requests, {})
                assert flattened(table.labels["pci_stats"][row]) == flattened(
                    states[row].pci_stats.pools
                ), number
    assert seen == {True, False}


def test_the_weigher_weighs_as_novas_does(configured: Any) -> None:
    """Normalised, and multiplied by the option."""
    chance = random.Random("PCIWeigher")
    handler = BaseWeightHandler.__new__(BaseWeightHandler)
    for number in range(CASES):
        multiplier = chance.choice((1.0, 0.0, 10.0))
        configured("pci_weight_multiplier", multiplier, "filter_scheduler")
        table, states = make_hosts(chance)
        if chance.random() < 0.5:
            for state in states[: chance.randrange(HOSTS)]:
                if state.pci_stats.pools:
                    state.pci_stats.pools[0]["count"] += chance.choice((50, 90, 200))
            table.load([
                make_node(state.host, pci_stats=tuple(
                    _kept(pool) for pool in state.pci_stats.pools))
                for state in states
            ])  # fmt: skip
        count = chance.choice((1, HOSTS, HOSTS))
        weighed = handler.get_weighed_objects([pci_weights.PCIWeigher()], states[:count], None)
        expected = {one.obj.host: pytest.approx(one.weight) for one in weighed}
        scheduler = Scheduler([], [(PCIWeigher(), multiplier)])
        total = scheduler._weigh(table, make_request(None), np.arange(count)).total
        assert dict(zip(table.hosts.kinds, total.tolist(), strict=False)) == expected, number


def _kept(pool: dict[str, Any]) -> dict[str, Any]:
    own = {"vendor_id", "product_id", "dev_type", "numa_node", "count"}
    return {**{name: pool[name] for name in own},
            "tags": {name: value for name, value in pool.items() if name not in own}}  # fmt: skip


def _broken(chance: random.Random, text: str) -> str:
    one = json.loads(text)
    match chance.randrange(9):
        case 0:
            one.pop("vendor_id")
        case 1:
            one["device_type"] = "type-XY"
        case 2:
            one["product_id"] = "12345"
        case 3:
            one["live_migratable"] = "maybe"
        case 4:
            one["numa_policy"] = chance.choice(("preferred", "none", "socket"))
        case 5:
            one["name"] = ""
        case 6:
            one["colour"] = "red"
        case 7:
            return text[:-2]
        case _:
            one["capability_type"] = "pci"
    return json.dumps(one)


def test_aliases_mean_what_they_mean_to_nova(configured: Any) -> None:
    """The same requests, or the same words when they are refused."""
    chance = random.Random("alias")
    refused = 0
    for number in range(CASES):
        defined = make_aliases(chance)
        if chance.random() < 0.4:
            place = chance.randrange(len(defined))
            defined[place] = _broken(chance, defined[place])
        configured("alias", defined)
        text = make_extra_spec(chance, (*NAMES, "unknown"))
        try:
            expected: Any = [
                (one.alias_name, one.count, one.spec, one.numa_policy)
                for one in novas_requests(text).requests
            ]
        except (exception.PciInvalidAlias, exception.PciRequestAliasNotDefined) as error:
            expected = str(error)
            refused += 1
        try:
            found: Any = [
                (one.alias_name, one.count, list(one.spec), one.numa_policy)
                for one in alias.requests_of({alias.EXTRA_SPEC: text})
            ]
        except Invalid as error:
            found = error.message
        assert found == expected, number
    assert 0 < refused < CASES


ADDRESSES = tuple(
    f"{domain}:{bus}:{slot}.{function}"
    for domain in ("0000", "0001") for bus in ("04", "3b") for slot in ("00", "10")
    for function in (0, 1)
)  # fmt: skip


def make_device_spec(chance: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if chance.random() < 0.4:
        made["vendor_id"] = chance.choice((*IDS, "*", " 8086", "10dg", "10000"))
    if chance.random() < 0.4:
        made["product_id"] = chance.choice((*PRODUCTS, "*", "zz"))
    if chance.random() < 0.8:
        made["address"] = chance.choice((
            "*:*:*.*", "0000:04:00.0", "0000:3b:00.0", "04:00.*", ":10.1", "*:3b:*.*", "00.1",
            "0:4:0.0", "0000:04:*.0", "1:0000:04:00.0", "0000:04:00.9", "fffff:04:00.0", ".1",
            "0000:xx:00.0", "",
            {"domain": ".*", "bus": "0[0-4]", "slot": "00", "function": "[0-1]"},
            {"bus": "3b"}, {"function": "0"}, {"bus": "(", "slot": "0"},
            {"domain": "0000", "bus": "04", "slot": "00", "function": "0"},
        ))  # fmt: skip
    for name, values in (
        ("physical_network", ("net1", "net2")), ("managed", ("yes", "false", "hm")),
        ("live_migratable", ("true", "off")), ("one_time_use", ("false", "true")),
    ):  # fmt: skip
        if chance.random() < 0.15:
            made[name] = chance.choice(values)
    return made


def test_device_specs_match_what_novas_match(
    configured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same devices with the same tags, or refused by both."""
    chance = random.Random("device_spec")
    # What Linux would say: two of the functions have virtual ones.
    monkeypatch.setattr(
        pci_utils, "is_physical_function",
        lambda *parts: "{}:{}:{}.{}".format(*parts) in {"0000:04:00.0", "0000:3b:00.0"},
    )  # fmt: skip
    results: set[str] = set()
    for number in range(CASES):
        specs = [make_device_spec(chance) for _ in range(chance.choice((1, 1, 2)))]
        texts = [json.dumps(one) for one in specs]
        if chance.random() < 0.2:
            texts = [json.dumps(specs)]
        try:
            theirs = whitelist.Whitelist(texts)
        except (exception.PciConfigInvalidSpec, exception.PciDeviceWrongAddressFormat) as error:
            with pytest.raises(ValueError, match=f"^{re.escape(str(error))}$"):
                device_spec.parse_device_specs(tuple(texts))
            results.add("refused")
            continue
        own = device_spec.parse_device_specs(tuple(texts))
        for address in ADDRESSES:
            is_virtual = ":10." in address
            device = PciDevice(
                address=address, vendor_id=chance.choice(("10de", "8086")),
                product_id=chance.choice(PRODUCTS),
                dev_type="type-VF" if is_virtual else "type-PCI",
                parent_addr=f"{address[:7]}:00.0" if is_virtual else None,
            )  # fmt: skip
            found = theirs.device_assignable({
                "vendor_id": device.vendor_id, "product_id": device.product_id,
                "address": address, "parent_addr": device.parent_addr,
            })  # fmt: skip
            expected = None if found is None else found.get_tags()
            assert device_spec.tags_of(own, device) == expected, (number, texts, device)
            results.add("matched" if found is not None else "not")
    assert results == {"refused", "matched", "not"}


def make_devices(chance: random.Random) -> list[PciDevice]:
    found: list[PciDevice] = []
    for bus in range(chance.randrange(1, 5)):
        vendor_id = chance.choice(("10de", "8086"))
        card = f"0000:{bus:02x}:00.0"
        tags = chance.choice(({}, {"physical_network": "net1"}, {"live_migratable": "true"}))
        numa_node = chance.choice((None, 0, 1))
        if chance.random() < 0.5:
            found.append(
                PciDevice(address=card, vendor_id=vendor_id, product_id="1eb8", tags=tags,
                          numa_node=numa_node)
            )  # fmt: skip
            continue
        found.append(
            PciDevice(address=card, vendor_id=vendor_id, product_id="1572", dev_type="type-PF",
                      tags=tags, numa_node=numa_node)
        )  # fmt: skip
        found += [
            PciDevice(
                address=f"0000:{bus:02x}:10.{number}", vendor_id=vendor_id,
                product_id=chance.choice(("154c", "1572")), dev_type="type-VF",
                parent_addr=card, tags=tags, numa_node=numa_node,
            )
            for number in range(chance.randrange(1, 4))
        ]  # fmt: skip
    return sorted(found, key=lambda one: one.address)


def novas_devices(own: list[PciDevice]) -> list[Any]:
    made = [
        objects.PciDevice(
            address=one.address, vendor_id=one.vendor_id, product_id=one.product_id,
            dev_type=one.dev_type, numa_node=one.numa_node, parent_addr=one.parent_addr,
            extra_info={}, compute_node_id=1, status="available", request_id=None,
        )
        for one in own
    ]  # fmt: skip
    by_address = {one.address: one for one in made}
    for one in made:
        if one.dev_type == "type-PF":
            one.child_devices = [other for other in made if other.parent_addr == one.address]
        elif one.dev_type == "type-VF":
            one.parent_device = by_address[one.parent_addr]
    return made


def test_claims_take_the_devices_that_novas_take(configured: Any) -> None:
    """Of cards with virtual functions and of others, claim after claim, until there are none."""
    chance = random.Random("claims")
    seen: set[bool] = set()
    for number in range(CASES):
        if number % 20 == 0:  # Nova takes long over them, and they have a test of their own.
            configured("alias", make_aliases(chance))
        own = make_devices(chance)
        filter_ = SimpleNamespace(get_devspec=lambda device, own=own: SimpleNamespace(
            get_tags=lambda: {one.address: one.tags for one in own}[device.address]
        ))  # fmt: skip
        theirs = stats.PciDeviceStats(objects.NUMATopology(), dev_filter=filter_)
        for one in novas_devices(own):
            theirs.add_device(one)
        taken: set[str] = set()
        for _ in range(4):
            text = make_extra_spec(chance, counts=(1, 1, 2))
            try:
                claimed = theirs.consume_requests(novas_requests(text).requests)
            except exception.PciDeviceRequestFailed:
                claimed = None
            found = pools.choose_devices(own, taken, alias.requests_of({alias.EXTRA_SPEC: text}))
            seen.add(claimed is not None)
            if claimed is None:
                # A claim that failed leaves Nova's pools in another order: enough is known.
                assert found is None, number
                break
            assert found is not None, number
            assert sorted(one.address for one in found) == sorted(one.address for one in claimed), (
                number
            )
            taken |= {one.address for one in found}
            left = [pool for pool, _ in pools.pools_of(pools.free_devices(own, taken))]
            known = [pool for pool in theirs.pools if pool["count"]]
            assert _in_order(flattened(tuple(left))) == _in_order(flattened(known)), number
    assert seen == {True, False}


def _in_order(found: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(pool, sort_keys=True) for pool in found)
