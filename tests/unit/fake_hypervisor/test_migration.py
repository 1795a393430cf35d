"""A guest that goes to another node while it runs: on one of the two at any time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from fake_hypervisor import constants as c
from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri
from tests.unit.fake_hypervisor.conftest import MakeXml

FLAGS = c.VIR_MIGRATE_LIVE | c.VIR_MIGRATE_PERSIST_DEST | c.VIR_MIGRATE_UNDEFINE_SOURCE
SLOW = "stages: {domain.migrate: {delay: 30}}\n"


@pytest.fixture
def uris(tmp_path: Path) -> tuple[str, str]:
    """Return the addresses of two nodes, each with a store of its own, between which it is slow."""
    profile = tmp_path / "slow.yaml"
    profile.write_text(SLOW)
    return (
        make_uri(tmp_path / "a", "node-a", profile=str(profile)),
        make_uri(tmp_path / "b", "node-b", profile=str(profile)),
    )


def start(uri: str, xml: str) -> Any:
    domain = libvirt.open(uri).defineXML(xml)
    domain.create()
    return domain


def is_at(uri: str, domain: Any) -> bool:
    return domain.UUIDString() in {one.UUIDString() for one in libvirt.open(uri).listAllDomains()}


def test_it_goes_with_its_definition(tmp_path: Path, make_xml: MakeXml) -> None:
    """It runs on the new node as it was, and the old one does not know it any more."""
    there = make_uri(tmp_path / "b", "node-b")
    domain = start(make_uri(tmp_path / "a", "node-a"), make_xml("guest", memory_mb=128))
    domain.suspend()
    domain.migrateToURI3(there, {}, FLAGS)
    assert not is_at(make_uri(tmp_path / "a", "node-a"), domain)
    arrived = libvirt.open(there).lookupByUUIDString(domain.UUIDString())
    assert (arrived.state()[0], arrived.isPersistent()) == (c.VIR_DOMAIN_PAUSED, 1)
    assert arrived.maxMemory() == 128 * 1024


def test_one_that_is_off_does_not_go(tmp_path: Path, make_xml: MakeXml) -> None:
    domain = libvirt.open(make_uri(tmp_path / "a", "node-a")).defineXML(make_xml("guest"))
    with pytest.raises(libvirt.libvirtError, match="domain is not running"):
        domain.migrateToURI3(make_uri(tmp_path / "b", "node-b"), {}, FLAGS)
    with pytest.raises(libvirt.libvirtError, match="no job is active"):
        domain.abortJob()


@pytest.mark.parametrize("wish", ["abortJob", "migrateStartPostCopy"])
def test_it_may_be_ended_while_it_is_on_its_way(
    uris: tuple[str, str], make_xml: MakeXml, wish: str
) -> None:
    """An abort leaves it where it was; post-copy has it arrive at once."""
    here, there = uris
    domain = start(here, make_xml("guest"))
    raised: list[Exception] = []

    def go() -> None:
        try:
            domain.migrateToURI3(there, {}, FLAGS)
        except libvirt.libvirtError as error:
            raised.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    while domain.jobStats()["type"] == c.VIR_DOMAIN_JOB_NONE:
        assert thread.is_alive()
    stats = domain.jobStats()
    assert stats["memory_total"] == stats["memory_processed"] + stats["memory_remaining"]
    getattr(domain, wish)(*([] if wish == "abortJob" else [0]))
    thread.join(timeout=10)
    assert (is_at(here, domain), is_at(there, domain)) == (
        (True, False) if wish == "abortJob" else (False, True)
    )
    assert [error.get_error_code() for error in raised] == (
        [c.VIR_ERR_OPERATION_ABORTED] if wish == "abortJob" else []
    )
