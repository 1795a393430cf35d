"""What replays came to, as a table, JSON and CSV."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from services.scheduler.simulate.run import Replay, Sample

_SHARES = (
    ("VCPUs in use", "vcpus_used"),
    ("memory in use", "memory_used"),
    ("fragmented VCPUs", "vcpus_fragmented"),
    ("stranded memory", "memory_stranded"),
    ("stranded VCPUs", "vcpus_stranded"),
)

MEANING = (
    "Fragmented: of the free VCPUs, those on nodes that cannot take a VM of median cores, memory\n"
    "and disk. Stranded: of all memory (VCPUs), what is free on nodes that have too few VCPUs\n"
    "(too little memory) left for such a VM. Means from the first arrival to the last."
)


def summarize(replay: Replay) -> dict[str, Any]:
    """Return a replay's figures: counts, and means and maxima of shares over time."""
    refused = replay.refusals
    cores = sum(one.vm.cores for one in replay.placements if one.node is None)
    means = {key: _mean(replay.samples, key) for _, key in _SHARES}
    return {
        "name": replay.name,
        "vms": len(replay.placements),
        "placed": len(replay.placements) - refused.total(),
        "refused": refused.total(),
        "refused_by": dict(refused.most_common()),
        "refused_cores": cores,
        "means": {**means, "nodes_used": _mean(replay.samples, "nodes_used")},
        "maxima": {
            key: max(getattr(one, key) for one in replay.samples)
            for key in ("instances", "nodes_used", "vcpus_used", "memory_used")
        },
    }


def table(replays: Sequence[Replay]) -> list[tuple[str, ...]]:
    """Return rows of text: the names, then a figure per row, a replay per column."""
    found = [summarize(one) for one in replays]
    filters = sorted({name for one in found for name in one["refused_by"]})
    rows: list[tuple[str, list[str]]] = [
        ("", [str(one["name"]) for one in found]),
        ("placed", [_part(one, one["placed"]) for one in found]),
        ("refused", [_part(one, one["refused"]) for one in found]),
    ]
    rows += [
        (f"  by {name}", [f"{one['refused_by'].get(name, 0):,}" for one in found])
        for name in filters
    ]
    rows += [
        ("  cores of those", [f"{one['refused_cores']:,}" for one in found]),
        ("most instances", [f"{one['maxima']['instances']:,}" for one in found]),
        ("nodes in use, mean", [f"{one['means']['nodes_used']:,.1f}" for one in found]),
        ("nodes in use, most", [f"{one['maxima']['nodes_used']:,}" for one in found]),
    ]
    rows += [
        (f"{title}, mean", [f"{one['means'][key]:.1%}" for one in found]) for title, key in _SHARES
    ]
    return [(title, *values) for title, values in rows]


def write_samples(replays: Iterable[Replay], file: TextIO) -> None:
    """Write every sample of every replay as CSV; the first column is the configuration's name."""
    names = [field.name for field in dataclasses.fields(Sample)]
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["configuration", *names])
    for replay in replays:
        for one in replay.samples:
            values = (getattr(one, name) for name in names)
            out.writerow([replay.name, *(_short(value) for value in values)])


def write_placements(replays: Iterable[Replay], file: TextIO) -> None:
    """Write what became of every VM as CSV: its node, or the filter that refused it."""
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["configuration", "id", "arrival", "cores", "memory_mib", "node", "refused_by"])
    for replay in replays:
        for one in replay.placements:
            vm = one.vm
            out.writerow([
                replay.name, vm.id, _short(vm.arrival_s), vm.cores, vm.memory_mb, one.node or "",
                one.refused_by,
            ])  # fmt: skip


def _mean(samples: Sequence[Sample], key: str) -> float:
    return float(sum(getattr(one, key) for one in samples) / len(samples))


def _part(one: dict[str, Any], count: int) -> str:
    return f"{count:,} ({count / one['vms']:.2%})"


def _short(value: float) -> str:
    return f"{value:.6g}" if isinstance(value, float) and abs(value) < 1 else f"{value:.10g}"
