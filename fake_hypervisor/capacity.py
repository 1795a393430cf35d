"""What a simulated node offers: `hosts.yaml` (or hosts.json) in the store directory, or defaults.

    defaults: {vcpus: 64, memory_mb: 262144, disk_gb: 2000}
    nodes:
      - {match: "gpu-*", vcpus: 128}
      - {match: "numa-*", numa_cells: 2, threads: 2, huge_pages: "2048:1024,1048576:2"}

`match` is a shell pattern over node names and the first one that matches is used; a file of a few
lines describes thousands of nodes, and an idle node costs nothing. `pci_devices` is a list of what
fake_hypervisor.node_devices reads.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import yaml

from fake_hypervisor import constants as c
from fake_hypervisor.errors import error
from fake_hypervisor.node_devices import PciFunction, read_functions
from fake_hypervisor.numa import Cell, make_cells, topology_xml

FILE_NAMES = ("hosts.yaml", "hosts.yml", "hosts.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """A node's size. hypervisor_version: major * 1,000,000 + minor * 1,000 + release.

    threads: of a core. huge_pages: of each NUMA cell, SIZE:COUNT with the size in KiB, by commas.
    """

    vcpus: int = 64
    memory_mb: int = 256 * 1024
    disk_gb: int = 2000
    arch: str = "x86_64"
    cpu_model: str = "Skylake-Server"
    cpu_mhz: int = 2400
    hypervisor_type: str = "QEMU"
    hypervisor_version: int = 8_002_000
    numa_cells: int = 1
    threads: int = 1
    huge_pages: str = ""
    pci_devices: tuple[PciFunction, ...] = ()

    @property
    def cores(self) -> int:
        """Cores of a socket, of which each NUMA cell is one."""
        return max(1, self.vcpus // (self.numa_cells * self.threads))


@dataclass(frozen=True, slots=True)
class CapacityMap:
    """The capacities of a store's nodes."""

    defaults: Capacity = Capacity()
    patterns: tuple[tuple[str, Capacity], ...] = ()

    def of(self, node: str) -> Capacity:
        """Return what node offers."""
        for pattern, capacity in self.patterns:
            if fnmatchcase(node, pattern):
                return capacity
        return self.defaults


def load_capacities(store_dir: Path) -> CapacityMap:
    """Return what the store's file says, or the defaults where there is none.

    Raises libvirtError VIR_ERR_CONF_SYNTAX, one sentence that names the file and the key.
    """
    for name in FILE_NAMES:
        path = store_dir / name
        if path.is_file():
            return _read(path)
    return CapacityMap()


def _read(path: Path) -> CapacityMap:
    try:
        # JSON is YAML, so one parser reads both.
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise _wrong(path, "", " ".join(str(exc).split())) from exc
    if not isinstance(document, dict) or not set(document) <= {"defaults", "nodes"}:
        raise _wrong(path, "", "the document must have the keys defaults and nodes, no others")
    defaults = _capacity(path, "defaults", document.get("defaults") or {}, Capacity())
    patterns: list[tuple[str, Capacity]] = []
    for index, entry in enumerate(document.get("nodes") or []):
        key = f"nodes[{index}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("match"), str):
            raise _wrong(path, f"{key}.match", "must be the pattern of node names")
        size = {name: value for name, value in entry.items() if name != "match"}
        patterns.append((entry["match"], _capacity(path, key, size, defaults)))
    return CapacityMap(defaults, tuple(patterns))


def _capacity(path: Path, key: str, values: Any, base: Capacity) -> Capacity:
    if not isinstance(values, dict):
        raise _wrong(path, key, "must be a mapping")
    types: Mapping[str, type] = {
        field.name: type(getattr(base, field.name)) for field in dataclasses.fields(base)
    }
    sizes = dict(values)
    devices: dict[str, Any] = {}
    if "pci_devices" in sizes:
        try:
            devices["pci_devices"] = read_functions(sizes.pop("pci_devices"))
        except ValueError as exc:
            raise _wrong(path, f"{key}.pci_devices", str(exc)) from exc
    for name, value in sizes.items():
        if name not in types:
            raise _wrong(
                path, f"{key}.{name}", f"is not known; there are {', '.join(sorted(types))}"
            )
        is_sound = type(value) is types[name] and (not isinstance(value, int) or value > 0)
        if not is_sound:
            wanted = "a number above 0" if types[name] is int else "a text"
            raise _wrong(path, f"{key}.{name}", f"must be {wanted}, got {value!r}")
    found = dataclasses.replace(base, **sizes, **devices)
    try:
        cells_of(found)
    except ValueError as exc:
        raise _wrong(path, key, str(exc)) from exc
    return found


def _wrong(path: Path, key: str, problem: str) -> Exception:
    return error(c.VIR_ERR_CONF_SYNTAX, f"{path}: {f'{key} ' if key else ''}{problem}")


def cells_of(capacity: Capacity) -> tuple[Cell, ...]:
    """Return a node's NUMA cells. Raises ValueError, one sentence, for what does not add up."""
    return make_cells(
        capacity.numa_cells, capacity.vcpus, capacity.memory_mb, threads=capacity.threads,
        huge_pages=capacity.huge_pages,
    )  # fmt: skip


# Nodes of one kind share one document, so thousands of nodes build a few.
@functools.lru_cache(maxsize=64)
def capabilities_xml(capacity: Capacity) -> str:
    """Return the <capabilities> document of a node: the parts that clients read."""
    arch = escape(capacity.arch)
    word_size = 32 if capacity.arch in {"i686", "armv7l"} else 64
    return f"""<capabilities>
  <host>
    <cpu>
      <arch>{arch}</arch>
      <model>{escape(capacity.cpu_model)}</model>
      <topology sockets="{capacity.numa_cells}" dies="1" cores="{capacity.cores}" \
threads="{capacity.threads}"/>
    </cpu>
{topology_xml(cells_of(capacity))}
  </host>
  <guest>
    <os_type>hvm</os_type>
    <arch name="{arch}">
      <wordsize>{word_size}</wordsize>
      <machine maxCpus="{capacity.vcpus}">q35</machine>
      <domain type="qemu"/>
      <domain type="kvm"/>
    </arch>
  </guest>
</capabilities>
"""
