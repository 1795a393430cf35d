"""Traces: which VMs come when, how large they are and how long they stay.

A CSV file with a header, gzipped when its name ends in .gz. Columns, in any order; others are
ignored, and the names of the public Azure VM traces' documentation will do:

    arrival, vmcreated                  seconds from any origin
    lifetime                            seconds; empty: it stays
    vmdeleted                           in place of lifetime: when it goes, seconds; empty: it stays
    cores, vmcorecount, vmcorecountbucket
    memory_gib, vmmemory, vmmemorybucket
    memory_mib                          in place of the former
    disk_gib                            if there is none, no disk is taken
    id, vmid                            if there is none, the number of the line

The second Azure trace has its largest sizes as `>24` cores and `>64` GB. They are read as 30 and
70, as the notebook that comes with it does ("Azure 2019 Public Dataset V2 - Trace Analysis", in
https://github.com/Azure/AzurePublicDataset).
"""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack_lite.exceptions import Invalid

MIB_PER_GIB = 1024
LARGEST = {">24": "30", ">64": "70"}

_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "vmid"),
    "arrival": ("arrival", "vmcreated"),
    "lifetime": ("lifetime",),
    "end": ("vmdeleted",),
    "cores": ("cores", "vmcorecount", "vmcorecountbucket"),
    "memory_gib": ("memory_gib", "vmmemory", "vmmemorybucket"),
    "memory_mib": ("memory_mib",),
    "disk_gib": ("disk_gib",),
}
HEADER = ("id", "arrival", "lifetime", "cores", "memory_gib")
"""What write_trace writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vm:
    """One VM of a trace."""

    id: str
    arrival_s: float
    lifetime_s: float | None
    """None: it stays."""
    cores: int
    memory_mb: int
    disk_gb: int = 0


def read_trace(path: Path) -> list[Vm]:
    """Return the VMs of a file in the order of their arrival.

    Raises Invalid, one sentence that names the line, for what cannot be read.
    """
    opener: Callable[..., Iterable[str]] = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as lines:  # type: ignore[attr-defined]
            vms = list(parse(lines, str(path)))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"{path} cannot be read as CSV: {error}.") from error
    if not vms:
        raise Invalid(f"{path} has no VMs.")
    return sorted(vms, key=lambda vm: vm.arrival_s)


def parse(lines: Iterable[str], name: str) -> Iterator[Vm]:
    """Yield the VMs of lines of CSV, the first of which is the header. Raises Invalid."""
    rows = csv.reader(lines)
    columns = _columns(next(rows, []), name)
    for row in rows:
        if not row:
            continue
        where = f"{name}, line {rows.line_num}"
        if len(row) <= max(columns.values()):
            raise Invalid(
                f"{where}: there are {len(row)} values, fewer than the header has columns."
            )
        cells = {column: row[index].strip() for column, index in columns.items()}
        yield _vm(cells, where, rows.line_num)


def write_trace(vms: Sequence[Vm], path: Path) -> None:
    """Write VMs as read_trace reads them. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(HEADER)
        for vm in vms:
            lifetime = "" if vm.lifetime_s is None else f"{vm.lifetime_s:.0f}"
            memory_gib = f"{vm.memory_mb / MIB_PER_GIB:g}"
            out.writerow((vm.id, f"{vm.arrival_s:.0f}", lifetime, vm.cores, memory_gib))


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    """Return where each column is."""
    found: dict[str, int] = {}
    for index, title in enumerate(header):
        for column, titles in _NAMES.items():
            if title.strip().lower().lstrip("\ufeff") in titles:
                found.setdefault(column, index)
    for wanted, said in (
        (("arrival",), "arrival"),
        (("lifetime", "end"), "lifetime (or vmdeleted)"),
        (("cores",), "cores"),
        (("memory_gib", "memory_mib"), "memory_gib or memory_mib"),
    ):
        if not found.keys() & set(wanted):
            raise Invalid(f"{name}, line 1: the header has no column {said}.")
    return found


def _vm(cells: Mapping[str, str], where: str, line: int) -> Vm:
    arrival_s = _number(cells["arrival"], "arrival", where, least=-math.inf)
    if "lifetime" in cells:
        said = cells["lifetime"]
        lifetime_s = _number(said, "lifetime", where, least=0) if said else None
    else:
        said = cells["end"]
        lifetime_s = (
            _number(said, "vmdeleted", where, least=arrival_s) - arrival_s if said else None
        )
    cores = _number(cells["cores"], "cores", where, least=1)
    if cores != int(cores):
        raise Invalid(f"{where}: cores is {cells['cores']}, and must be a whole number.")
    if "memory_mib" in cells:
        memory_mb = _number(cells["memory_mib"], "memory_mib", where, least=1)
    else:
        memory_gib = _number(cells["memory_gib"], "memory_gib", where, least=1 / MIB_PER_GIB)
        memory_mb = memory_gib * MIB_PER_GIB
    disk_gb = _number(cells.get("disk_gib") or "0", "disk_gib", where, least=0)
    return Vm(
        id=cells.get("id") or str(line), arrival_s=arrival_s, lifetime_s=lifetime_s,
        cores=int(cores), memory_mb=math.ceil(memory_mb), disk_gb=math.ceil(disk_gb),
    )  # fmt: skip


def _number(said: str, column: str, where: str, *, least: float) -> float:
    try:
        number = float(LARGEST.get(said, said))
    except ValueError:
        raise Invalid(f"{where}: {column} is {said!r}, which is no number.") from None
    if not math.isfinite(number):
        raise Invalid(f"{where}: {column} is {said}, and must be finite.")
    if number < least:
        raise Invalid(f"{where}: {column} is {said}, and must be at least {least:g}.")
    return number
