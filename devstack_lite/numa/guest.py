"""A guest's NUMA cells: what it wants, and, once it has a place, what it got of the node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from devstack_lite.numa.cpus import format_cpus, parse_cpus
from devstack_lite.objects.registry import Json

P = TypeVar("P", bound=StrEnum)

SMALL, LARGE, ANY = -1, -2, -3
"""Page sizes that a guest may leave to the node. Nova's numbers."""


class CpuPolicy(StrEnum):
    """Whether a guest's CPUs float or have a host's CPU each. Nova's order."""

    DEDICATED = "dedicated"
    SHARED = "shared"
    MIXED = "mixed"


class ThreadPolicy(StrEnum):
    """What a guest's dedicated CPUs are on a host whose cores have threads."""

    PREFER = "prefer"
    ISOLATE = "isolate"
    REQUIRE = "require"


class EmulatorPolicy(StrEnum):
    """Where the hypervisor's own threads run."""

    SHARE = "share"
    ISOLATE = "isolate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What one cell of a guest has of a node. memory_page_kb: of which pages; 0: it has none."""

    host_cell: int
    pinning: Mapping[int, int] = field(default_factory=dict)
    """The host's CPU of each dedicated one."""
    reserved: frozenset[int] = frozenset()
    """Host CPUs for the hypervisor's threads."""
    pinned: frozenset[int] = frozenset()
    """Every host CPU that nobody else may have now, those that are only kept idle included."""
    floats_on: frozenset[int] = frozenset()
    """The host CPUs that the shared ones run on."""
    memory_page_kb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestCell:
    """One NUMA cell of a guest."""

    id: int
    cpuset: frozenset[int]
    pcpuset: frozenset[int]
    memory_mb: int
    page_size: int | None = None
    """In KiB, or SMALL, LARGE or ANY until it has a place."""
    placed: Placed | None = None

    @property
    def cpus(self) -> frozenset[int]:
        """All of its CPUs, shared and dedicated."""
        return self.cpuset | self.pcpuset


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestTopology:
    """A guest's cells, and what holds for all of them."""

    cells: tuple[GuestCell, ...]
    cpu_policy: CpuPolicy | None = None
    thread_policy: ThreadPolicy | None = None
    emulator_policy: EmulatorPolicy | None = None
    realtime: frozenset[int] = frozenset()

    @property
    def has_dedicated(self) -> bool:
        """Whether some of its CPUs have a host's CPU each."""
        return self.cpu_policy in {CpuPolicy.DEDICATED, CpuPolicy.MIXED}

    @property
    def has_shared(self) -> bool:
        """Whether some of its CPUs float."""
        return self.cpu_policy is not CpuPolicy.DEDICATED


def write_guest(topology: GuestTopology) -> str:
    """Return a topology as text, which read_guest reads."""
    return json.dumps({
        "cpu_policy": topology.cpu_policy, "thread_policy": topology.thread_policy,
        "emulator_policy": topology.emulator_policy, "realtime": format_cpus(topology.realtime),
        "cells": [
            {
                "id": cell.id, "cpuset": format_cpus(cell.cpuset),
                "pcpuset": format_cpus(cell.pcpuset), "memory_mb": cell.memory_mb,
                "page_size": cell.page_size,
                "placed": None if cell.placed is None else _write_placed(cell.placed),
            }
            for cell in topology.cells
        ],
    }, separators=(",", ":"))  # fmt: skip


def _write_placed(placed: Placed) -> Json:
    return {
        "host_cell": placed.host_cell,
        "pinning": [list(pair) for pair in sorted(placed.pinning.items())],
        "reserved": format_cpus(placed.reserved), "pinned": format_cpus(placed.pinned),
        "floats_on": format_cpus(placed.floats_on), "memory_page_kb": placed.memory_page_kb,
    }  # fmt: skip


def read_guest(text: str) -> GuestTopology:
    """Return the topology of a text."""
    own = json.loads(text)
    return GuestTopology(
        cells=tuple(_read_cell(cell) for cell in own["cells"]),
        cpu_policy=_one_of(CpuPolicy, own["cpu_policy"]),
        thread_policy=_one_of(ThreadPolicy, own["thread_policy"]),
        emulator_policy=_one_of(EmulatorPolicy, own["emulator_policy"]),
        realtime=parse_cpus(own["realtime"]),
    )


def _one_of(kind: type[P], value: str | None) -> P | None:
    return None if value is None else kind(value)


def _read_cell(own: Json) -> GuestCell:
    cell = GuestCell(
        id=own["id"], cpuset=parse_cpus(own["cpuset"]), pcpuset=parse_cpus(own["pcpuset"]),
        memory_mb=own["memory_mb"], page_size=own["page_size"],
    )  # fmt: skip
    there = own["placed"]
    if there is None:
        return cell
    return replace(
        cell,
        placed=Placed(
            host_cell=there["host_cell"], pinning=dict(there["pinning"]),
            reserved=parse_cpus(there["reserved"]), pinned=parse_cpus(there["pinned"]),
            floats_on=parse_cpus(there["floats_on"]), memory_page_kb=there["memory_page_kb"],
        ),
    )  # fmt: skip
