"""Flame graphs: merged stacks laid out as rectangles, and drawn as an SVG with titles.

A stack is a tuple of frames, outermost first. A rectangle is as wide as the samples it was seen in,
above the frame that called it; whoever looks at it sees name, samples and share as its title.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH = 1600
ROW = 17
MARGIN = 30
CHARACTER = 6.2
"""Pixels of a letter of the font, for how much of a name fits."""
LEAST = 1.0
"""Rectangles of fewer pixels are left out: a thousand of them are one grey line."""

Stack = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One frame at one place: left edge and width are shares of the whole, 0 to 1."""

    name: str
    depth: int
    """0 is the outermost frame."""
    left: float
    width: float
    samples: int


@dataclass(slots=True)
class _Node:
    samples: int = 0
    children: dict[str, _Node] = field(default_factory=dict)


def parse_collapsed(text: str) -> Counter[Stack]:
    """Return the stacks of py-spy's raw format: `outer;inner 12`, a line each."""
    stacks: Counter[Stack] = Counter()
    for line in text.splitlines():
        frames, _, number = line.rpartition(" ")
        if frames and number.isdigit():
            stacks[tuple(frames.split(";"))] += int(number)
    return stacks


def layout(stacks: Mapping[Stack, int]) -> list[Box]:
    """Return a box per frame and place, outermost first, siblings by name from left to right."""
    root = _Node()
    for stack, samples in stacks.items():
        root.samples += samples
        node = root
        for name in stack:
            node = node.children.setdefault(name, _Node())
            node.samples += samples
    return list(_boxes(root, 0, 0.0, root.samples)) if root.samples else []


def _boxes(node: _Node, depth: int, left: float, total: int) -> Iterator[Box]:
    for name, child in sorted(node.children.items()):
        width = child.samples / total
        yield Box(name=name, depth=depth, left=left, width=width, samples=child.samples)
        yield from _boxes(child, depth + 1, left, total)
        left += width


def svg(stacks: Mapping[Stack, int], title: str) -> str:
    """Return the flame graph as an SVG document; its outermost frames are at the bottom."""
    boxes = [box for box in layout(stacks) if box.width * WIDTH >= LEAST]
    height = MARGIN + ROW * (1 + max((box.depth for box in boxes), default=0)) + ROW
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="10">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="8" y="19" font-size="13">{escape(title)}</text>',
        *(_drawn(box, height) for box in boxes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _drawn(box: Box, height: int) -> str:
    x, width = box.left * WIDTH, box.width * WIDTH
    y = height - ROW * (box.depth + 1) - ROW / 2
    fits = int((width - 4) / CHARACTER)
    label = box.name if len(box.name) <= fits else box.name[: max(0, fits - 1)] + "…"
    text = f'<text x="{x + 2:.1f}" y="{y + 12:.1f}">{escape(label)}</text>' if fits > 2 else ""
    return (
        f"<g><title>{escape(box.name)}: {box.samples} samples, {box.width:.1%}</title>"
        f'<rect x="{x:.2f}" y="{y:.1f}" width="{width:.2f}" height="{ROW - 1}" rx="1"'
        f' fill="{color_of(box.name)}"/>{text}</g>'
    )


def color_of(name: str) -> str:
    """Return a warm colour that a name always has: the same code looks the same everywhere."""
    seed = zlib.crc32(name.partition(" (")[0].encode())
    return f"hsl({seed % 50}, {65 + seed // 50 % 25}%, {62 + seed // 1250 % 14}%)"


def own_samples(stacks: Mapping[Stack, int]) -> Counter[str]:
    """Return the samples by innermost frame: where the time was spent itself."""
    found: Counter[str] = Counter()
    for stack, samples in stacks.items():
        found[stack[-1]] += samples
    return found


def package_of(frame: str) -> str:
    """Return the package of py-spy's `name (package/module.py:12)`, or what there is of it."""
    path = frame.rpartition("(")[2].rstrip(")").partition(":")[0]
    return path.partition("/")[0].removesuffix(".py") or frame
