"""Sets of CPUs as Nova and libvirt write them: `0-3,^2,8`."""

from __future__ import annotations

from collections.abc import Iterable

from devstack_lite.exceptions import Invalid

MOST = 65536
"""No CPU has this number or a greater one: no machine has so many, and each takes memory here."""


def parse_cpus(text: str) -> frozenset[int]:
    """Return the CPUs of a specification. Raises Invalid, in Nova's words."""
    taken: set[int] = set()
    rejected: set[int] = set()
    for part in text.split(","):
        rule = part.strip()
        if not rule:
            continue
        own = rejected if rule.startswith("^") else taken
        own.update(_range(rule))
    return frozenset(taken - rejected)


def _range(rule: str) -> range:
    first, dash, last = rule.removeprefix("^").partition("-")
    try:
        start = int(first)
        end = int(last) if dash else start
    except ValueError:
        kind = "range" if dash else "exclusion" if rule.startswith("^") else "inclusion"
        raise Invalid(f"Invalid {kind} expression {rule!r}") from None
    if start > end:
        raise Invalid(f"Invalid range expression {rule!r}")
    if end >= MOST:
        raise Invalid(f"Invalid CPU number in {rule!r}: the greatest is {MOST - 1}")
    return range(start, end + 1)


def format_cpus(cpus: Iterable[int]) -> str:
    """Return CPUs in order, neighbours as ranges; parse_cpus reads it."""
    ranges: list[list[int]] = []
    for cpu in sorted(cpus):
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(start) if start == end else f"{start}-{end}" for start, end in ranges)
