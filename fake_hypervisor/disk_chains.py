"""The files a disk consists of: the one it is written to, and by <backingStore> those below it.

There are no files: what libvirt reads in them (which one is below which) stands in the document
alone. Each function takes a domain's document and returns the changed one, or raises libvirtError.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import PurePosixPath

from fake_hypervisor import constants as c
from fake_hypervisor.definition import parse_element, to_text
from fake_hypervisor.devices import disk_in
from fake_hypervisor.errors import error


def snapshot_disks(document: str, snapshot: str) -> str:
    """Have the disks that a <domainsnapshot> names go on in the files that it names.

    A disk is named by its target or its source. One that is not named at all would get a file of
    libvirt's choice: that is refused.
    """
    root = parse_element(document, "domain")
    left = list(root.iterfind("devices/disk"))
    for asked in parse_element(snapshot, "domainsnapshot").iterfind("disks/disk"):
        disk = disk_in(root, asked.get("name", ""))
        if disk in left:
            left.remove(disk)
        if asked.get("snapshot") != "no":
            _put_on_top(disk, asked)
    if left:
        raise error(c.VIR_ERR_CONFIG_UNSUPPORTED, "the snapshot does not name each disk")
    return to_text(root)


def pull(document: str, path: str, base: str | None) -> str:
    """Have what is above base, or all, in the file that the disk is written to."""
    root = parse_element(document, "domain")
    disk = disk_in(root, path)
    _join(disk, None if base is None else _layer(disk, base))
    return to_text(root)


def commit(document: str, path: str, base: str, top: str) -> str:
    """Have what is in top and what is between it and base in base; top is not the disk's own."""
    root = parse_element(document, "domain")
    disk = disk_in(root, path)
    layers = list(_layers(disk))
    upper, lower = layers.index(_layer(disk, top)), layers.index(_layer(disk, base))
    if not 0 < upper < lower:
        text = f"top '{top}' must be below what '{path}' is written to, and above base '{base}'"
        raise error(c.VIR_ERR_INVALID_ARG, text)
    _join(layers[upper - 1], layers[lower])
    return to_text(root)


def _put_on_top(disk: ET.Element, asked: ET.Element) -> None:
    source = asked.find("source")
    file = None if source is None else source.get("file")
    if not file or asked.get("type", "file") != "file":
        raise error(c.VIR_ERR_CONFIG_UNSUPPORTED, "a disk goes on in a file that is named")
    driver = asked.find("driver")
    own = disk.find("driver")
    if own is None:
        own = ET.SubElement(disk, "driver")
    below = ET.Element("backingStore", type=disk.get("type", "file"))
    ET.SubElement(below, "format", type=own.get("type", "raw"))
    for tag in ("source", "backingStore"):
        moved = disk.find(tag)
        if moved is not None:
            disk.remove(moved)
            below.append(moved)
    disk.set("type", "file")
    own.set("type", "qcow2" if driver is None else driver.get("type", "qcow2"))
    ET.SubElement(disk, "source", file=file)
    disk.append(below)


def _join(upper: ET.Element, lower: ET.Element | None) -> None:
    """Have lower, or nothing, next below upper."""
    next_below = upper.find("backingStore")
    if next_below is not None:
        upper.remove(next_below)
    if lower is not None:
        upper.append(lower)


def _layers(disk: ET.Element) -> Iterator[ET.Element]:
    layer: ET.Element | None = disk
    while layer is not None:
        yield layer
        layer = layer.find("backingStore")


def _layer(disk: ET.Element, file: str) -> ET.Element:
    """Return where a file is in the disk's chain; a name may be one beside the disk's own."""
    beside = str(PurePosixPath(_file(disk)).parent / file)
    for layer in _layers(disk):
        if _file(layer) in {file, beside}:
            return layer
    text = f"could not find image '{file}' in chain for '{_file(disk)}'"
    raise error(c.VIR_ERR_INVALID_ARG, text)


def _file(layer: ET.Element) -> str:
    source = layer.find("source")
    return "" if source is None else next(iter(source.attrib.values()), "")
