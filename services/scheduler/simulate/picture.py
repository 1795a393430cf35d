"""Draws what the samples of replays say: one panel per figure, one line per replay, as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from xml.sax.saxutils import escape

from services.scheduler.simulate.run import Replay, Sample

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 860, 130, 64, 20, 34, 44
COLORS = ("#1f6feb", "#d1570b", "#2da44e", "#8250df", "#bf3989", "#57606a")
"""Told apart by those who see no red and green, as far as the first two go."""
FONT = 'font-family="sans-serif" font-size="12"'
DAY_S = 86400.0

Reader = Callable[[Sample], float]

PANELS: tuple[tuple[str, bool, Reader], ...] = (
    ("VCPUs in use", True, lambda one: one.vcpus_used),
    ("memory in use", True, lambda one: one.memory_used),
    ("free VCPUs on nodes that cannot take a median VM", True, lambda one: one.vcpus_fragmented),
    ("memory stranded", True, lambda one: one.memory_stranded),
    ("nodes in use", False, lambda one: one.nodes_used),
    ("VMs refused so far", False, lambda one: one.refused),
)
"""Title, whether it is a share, and the figure."""


def draw(replays: Sequence[Replay]) -> str:
    """Return a picture of all replays as the text of an SVG file."""
    legend = 20 * len(replays)
    height = TOP + legend + len(PANELS) * (PANEL + GAP)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *_legend(replays),
        *(
            line
            for number, panel in enumerate(PANELS)
            for line in _panel(replays, panel, TOP + legend + number * (PANEL + GAP))
        ),
        "</svg>\n",
    ])  # fmt: skip


def _legend(replays: Sequence[Replay]) -> Iterator[str]:
    for number, replay in enumerate(replays):
        y = 20 + 20 * number
        yield (
            f'<line x1="{LEFT}" x2="{LEFT + 24}" y1="{y}" y2="{y}"'
            f' stroke="{COLORS[number % len(COLORS)]}" stroke-width="3"/>'
        )
        yield f'<text x="{LEFT + 32}" y="{y + 4}">{escape(replay.name)}</text>'


def _panel(replays: Sequence[Replay], panel: tuple[str, bool, Reader], top: float) -> Iterator[str]:
    title, is_share, read = panel
    lines = [[(one.time_s, read(one)) for one in replay.samples] for replay in replays]
    end_s = max((line[-1][0] for line in lines), default=0.0) or 1.0
    most = max(value for line in lines for _, value in line)
    full = _rounded_up(most)
    width, bottom = WIDTH - LEFT - RIGHT, top + PANEL
    yield f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{escape(title)}</text>'
    for part in (0.0, 0.5, 1.0):
        y = bottom - part * PANEL
        value = full * part
        label = f"{value:.3g}".rstrip() if not is_share else f"{value * 100:.3g} %"
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#d0d7de"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{label}</text>'
    for at_s, label in _ticks(end_s):
        x = LEFT + at_s / end_s * width
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>'
    for number, line in enumerate(lines):
        points = " ".join(
            f"{LEFT + time_s / end_s * width:.1f},{bottom - value / full * PANEL:.1f}"
            for time_s, value in line
        )
        yield (
            f'<polyline fill="none" stroke="{COLORS[number % len(COLORS)]}"'
            f' stroke-width="1.5" points="{points}"/>'
        )


def _rounded_up(most: float) -> float:
    """Return the next number of the kind 1, 2 or 5 times a power of ten; 1 for nothing."""
    if most <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(most))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= most * 0.999999))


def _ticks(end_s: float) -> Iterator[tuple[float, str]]:
    """Yield up to ten or so moments in days, hours or seconds."""
    unit_s, unit = next(
        (each for each in ((DAY_S, "d"), (3600.0, "h")) if end_s >= 2 * each[0]), (1.0, "s")
    )
    step = max(1, int(_rounded_up(end_s / unit_s / 10)))
    for number in range(0, int(end_s / unit_s) + 1, step):
        yield number * unit_s, f"{number} {unit}"
