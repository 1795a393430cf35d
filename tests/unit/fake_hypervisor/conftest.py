"""What the tests of the fake hypervisor share: a store of their own, and domain documents."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fake_hypervisor import libvirt
from fake_hypervisor.uri import make_uri

MakeXml = Callable[..., str]
Connect = Callable[..., libvirt.virConnect]


@pytest.fixture
def make_xml() -> MakeXml:
    """Return a function that writes a domain document."""

    def make(
        name: str,
        uid: str | None = None,
        *,
        memory_mb: int = 64,
        vcpus: int = 1,
        metadata: str = "",
    ) -> str:
        return (
            f"<domain type='kvm'><name>{name}</name><uuid>{uid or uuid.uuid4()}</uuid>"
            f"<metadata>{metadata}</metadata><memory unit='MiB'>{memory_mb}</memory>"
            f"<vcpu>{vcpus}</vcpu><os><type>hvm</type></os><devices/></domain>"
        )

    return make


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Return a function that opens a node of this test's store."""
    opened: list[libvirt.virConnect] = []

    def open_node(
        node: str = "node-1", *, profile: str | None = None, seed: int | None = None
    ) -> libvirt.virConnect:
        opened.append(libvirt.open(make_uri(tmp_path, node, profile=profile, seed=seed)))
        return opened[-1]

    yield open_node
    for connection in opened:
        connection.hypervisor.store.close()


@pytest.fixture
def conn(connect: Connect) -> libvirt.virConnect:
    """Return a connection to node-1."""
    return connect()
