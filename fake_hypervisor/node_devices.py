"""virNodeDevice: the PCI functions of a simulated node, from a description in a few lines.

    - {address: "0000:3b:00.0", vendor_id: "10de", product_id: "1eb8", numa_node: 0}
    - {address: "0000:04:00.0", vendor_id: "8086", product_id: "1572", dev_type: type-PF,
       vfs: 4, vf_product_id: "154c"}
    - {node: "gpu-*", address: "0000:5e:00.0", vendor_id: "10de", product_id: "1eb8"}

`node` is a shell pattern over node names, `dev_type` one of type-PCI (when it is not said), type-PF
and type-VF; `vfs` gives a type-PF so many virtual functions, and a type-VF names its `parent`.
"""

# ruff: noqa: N801, N802 - libvirt's names

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

PF, VF, STANDARD = "type-PF", "type-VF", "type-PCI"

_ADDRESS = re.compile(r"([\da-f]{4}):([\da-f]{2}):([01][\da-f])\.([0-7])")
_ID = re.compile(r"[\da-f]{4}")

FIRST_VF = 0x80
VF_STRIDE = 2
"""Where the virtual functions of a card are, counted from its own number: as on Intel's X710."""
MOST_VFS = 64
"""Of one physical function: more of them would be on the next bus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PciFunction:
    """A PCI function that nodes have; parent: of a virtual one, the physical one's address."""

    address: str
    vendor_id: str
    product_id: str
    dev_type: str = STANDARD
    numa_node: int | None = None
    parent: str | None = None
    node: str = "*"

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """Domain, bus, slot and function."""
        return parts_of(self.address)


def parts_of(address: str) -> tuple[int, int, int, int]:
    """Return domain, bus, slot and function. Raises ValueError for what is no address."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ValueError(f"address must be like 0000:3b:00.0, got {address!r}")
    domain, bus, slot, function = (int(part, 16) for part in found.groups())
    return domain, bus, slot, function


def read_functions(document: Any) -> tuple[PciFunction, ...]:
    """Return the functions that a list describes.

    Raises ValueError, one sentence that names the entry.
    """
    if type(document) is not list:
        raise ValueError("must be a list of devices")
    found: list[PciFunction] = []
    for index, entry in enumerate(document):
        try:
            found += _read(entry)
        except ValueError as exc:
            raise ValueError(f"[{index}]: {exc}") from exc
    twice = [key for key, count in Counter((f.node, f.address) for f in found).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0][1]} is there twice")
    return tuple(found)


def _read(entry: Any) -> Iterator[PciFunction]:
    if type(entry) is not dict:
        raise ValueError("must be a mapping")
    values = dict(entry)
    vfs, vf_product_id = values.pop("vfs", 0), values.pop("vf_product_id", None)
    try:
        own = PciFunction(**values)
    except TypeError as exc:
        raise ValueError(str(exc).removeprefix("PciFunction.__init__() ")) from exc
    _check(own)
    yield own
    if not vfs:
        return
    if own.dev_type != PF or type(vfs) is not int or not 0 < vfs <= MOST_VFS:
        raise ValueError(f"vfs must be a number up to {MOST_VFS}, of a {PF}")
    domain, bus, slot, function = own.parts
    for number in range(vfs):
        place = FIRST_VF + slot * 8 + function + number * VF_STRIDE
        if place > 0xFF:
            raise ValueError(f"{vfs} virtual functions have no room on the bus")
        virtual = PciFunction(
            address=f"{domain:04x}:{bus:02x}:{place >> 3:02x}.{place & 7}",
            vendor_id=own.vendor_id, product_id=vf_product_id or own.product_id, dev_type=VF,
            numa_node=own.numa_node, parent=own.address, node=own.node,
        )  # fmt: skip
        _check(virtual)
        yield virtual


def _check(one: PciFunction) -> None:
    parts_of(str(one.address))
    for name in ("vendor_id", "product_id"):
        if not _ID.fullmatch(str(getattr(one, name))):
            raise ValueError(f"{name} must be four hexadecimal digits, in quotes")
    if one.dev_type not in {STANDARD, PF, VF}:
        raise ValueError(f"dev_type must be {STANDARD}, {PF} or {VF}, got {one.dev_type!r}")
    if (one.parent is not None) is not (one.dev_type == VF):
        raise ValueError(f"a {VF} has the address of its parent, and no other device has one")
    if one.parent is not None:
        parts_of(str(one.parent))
    if one.numa_node is not None and (type(one.numa_node) is not int or one.numa_node < 0):
        raise ValueError(f"numa_node must be a number, got {one.numa_node!r}")
    if type(one.node) is not str:
        raise ValueError("node must be a pattern of node names")


class virNodeDevice:
    """One device of a node."""

    __slots__ = ("_function", "_virtual")

    def __init__(self, function: PciFunction, virtual: tuple[PciFunction, ...]) -> None:
        self._function = function
        self._virtual = virtual

    def name(self) -> str:
        """Return its name, pci_0000_3b_00_0."""
        return _name(self._function.address)

    def parent(self) -> str:
        """Return the name of the device that it hangs from."""
        return _ROOT

    def listCaps(self) -> list[str]:
        """Return what it is."""
        return ["pci"]

    def XMLDesc(self, flags: int = 0) -> str:
        """Return the <device> document."""
        return _device_xml(self._function, self._virtual)


_ROOT = "computer"


def _name(address: str) -> str:
    return "pci_" + re.sub("[:.]", "_", address)


@functools.lru_cache(maxsize=256)
def devices_of(functions: tuple[PciFunction, ...], node: str) -> tuple[virNodeDevice, ...]:
    """Return the devices of one node."""
    own = [one for one in functions if fnmatchcase(node, one.node)]
    return tuple(
        virNodeDevice(one, tuple(other for other in own if other.parent == one.address))
        for one in own
    )


# Nodes of one kind have the same devices, so thousands of nodes build a few documents.
@functools.lru_cache(maxsize=4096)
def _device_xml(own: PciFunction, virtual: tuple[PciFunction, ...]) -> str:
    domain, bus, slot, function = own.parts
    parts = [
        f"<domain>{domain}</domain><bus>{bus}</bus>",
        f"<slot>{slot}</slot><function>{function}</function>",
        f'<product id="0x{own.product_id}"/><vendor id="0x{own.vendor_id}"/>',
    ]
    if own.parent is not None:
        parts.append(f'<capability type="phys_function">{_address(own.parent)}</capability>')
    if own.dev_type == PF:
        addresses = "".join(_address(one.address) for one in virtual)
        parts.append(
            f'<capability type="virt_functions" maxCount="{MOST_VFS}">{addresses}</capability>'
        )
    if own.numa_node is not None:
        parts.append(f'<numa node="{own.numa_node}"/>')
    return (
        f"<device><name>{_name(own.address)}</name><parent>{_ROOT}</parent>"
        f'<capability type="pci">{"".join(parts)}</capability></device>'
    )


def _address(address: str) -> str:
    domain, bus, slot, function = parts_of(address)
    return (
        f'<address domain="0x{domain:04x}" bus="0x{bus:02x}" slot="0x{slot:02x}"'
        f' function="0x{function:x}"/>'
    )
