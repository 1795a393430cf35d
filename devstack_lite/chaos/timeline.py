"""Draws a run: faults by role above, operations below, on one axis of seconds. SVG without script.

Colours are the page's CSS variables, so that one drawing is legible on light and on dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from devstack_lite.chaos.history import Event, of_type
from devstack_lite.chaos.judge import FaultOutcome

ROW, BAR, LANE = 26, 6, 9
"""Pixels: a role's row, an operation's bar, and its lane with the space between."""
AXIS = 22
MARK = 5
LEAST_WIDTH, LEAST_SCALE, MOST_SCALE = 1060.0, 12.0, 80.0
"""Pixels, and pixels per second: a short run fills the page, a long one is scrolled."""
LABEL_WIDTH = 112
NARROWEST = 2.5
TICKS_S = (1, 2, 5, 10, 30, 60)
TICK_SPACE = 70.0
BUCKETS = 240
"""Columns of the overview; one per second is enough for the usual run."""
OVERVIEW_HEIGHT = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One operation from its request to what became of it."""

    begin: float
    end: float
    action: str
    state: str
    """over, refused, indefinite, or open: accepted and never over."""
    label: str


def spans_of(events: Sequence[Event]) -> list[Span]:
    """Return the operations of a history in the order of their requests, skipped ones left out."""
    answers = {event["number"]: event for event in of_type(events, "answer")}
    ends = {event["number"]: event for event in of_type(events, "finished")}
    last = max((event["at"] for event in events), default=0.0)
    spans = []
    for event in of_type(events, "request"):
        number = event["number"]
        answer, end = answers.get(number), ends.get(number)
        outcome = answer["outcome"] if answer is not None else "indefinite"
        if outcome == "skipped":
            continue
        if end is not None:
            until, state, became = end["at"], "over", end["status"]
        elif outcome == "accepted":
            until, state, became = last, "open", "never over"
        else:
            until = answer["at"] if answer is not None else last
            state, became = outcome, f"{outcome} {(answer or {}).get('status') or ''}".strip()
        spans.append(
            Span(
                begin=event["at"],
                end=until,
                action=event["action"],
                state=state,
                label=f"{event['action']} {event['name']}: {became},"
                f" {event['at']:.2f} to {until:.2f} s",
            )
        )
    return spans


def pack(spans: Iterable[Span], gap: float) -> list[list[Span]]:
    """Return the spans in as few lanes as keep them apart by gap seconds."""
    lanes: list[list[Span]] = []
    for span in sorted(spans, key=lambda one: one.begin):
        for lane in lanes:
            if lane[-1].end + gap <= span.begin:
                lane.append(span)
                break
        else:
            lanes.append([span])
    return lanes


def draw(spans: Sequence[Span], faults: Sequence[FaultOutcome]) -> str:
    """Return the timeline: labels that stay, and the drawing that is scrolled."""
    last = max([1.0, *(span.end for span in spans), *(fault.at for fault in faults)])
    scale = min(MOST_SCALE, max(LEAST_SCALE, LEAST_WIDTH / last))
    width = last * scale + 24
    roles = sorted({fault.role for fault in faults})
    lanes = pack(spans, 4 / scale)
    top = AXIS + len(roles) * ROW + 10
    height = top + max(1, len(lanes)) * LANE + 12
    drawn = [
        _grid(last, scale, height),
        *(_rule(fault, scale, top, height) for fault in faults if fault.pid is not None),
        *(_row(index, width) for index in range(len(roles))),
        *(_mark(fault, AXIS + (roles.index(fault.role) + 0.5) * ROW, scale) for fault in faults),
        *(
            _bar(span, top + index * LANE, scale)
            for index, lane in enumerate(lanes)
            for span in lane
        ),
    ]
    return (
        f'<div class="timeline">{_labels(roles, top, height)}<div class="scroll" tabindex="0">'
        f'<svg width="{width:.0f}" height="{height}" role="img"'
        f' aria-label="Faults and operations over time">{"".join(drawn)}</svg></div></div>'
    )


def overview(spans: Sequence[Span], faults: Sequence[FaultOutcome]) -> str:
    """Return the whole run at a glance: how many operations were under way, and the faults."""
    last = max([1.0, *(span.end for span in spans), *(fault.at for fault in faults)])
    step = last / BUCKETS
    counts = [
        sum(span.begin < (column + 1) * step and span.end > column * step for span in spans)
        for column in range(BUCKETS)
    ]
    most = max([1, *counts])
    points = " ".join(
        f"{column},{OVERVIEW_HEIGHT * (1 - count / most):.1f}"
        for column, count in enumerate(counts)
    )
    ticks = "".join(
        f'<line class="tick" x1="{fault.at / step:.2f}" x2="{fault.at / step:.2f}" y1="0" y2="7"/>'
        for fault in faults
        if fault.pid is not None
    )
    return (
        f'<svg class="overview" viewBox="0 0 {BUCKETS} {OVERVIEW_HEIGHT}"'
        ' preserveAspectRatio="none" role="img" aria-label="Operations under way over time">'
        f'<polygon class="area" points="0,{OVERVIEW_HEIGHT} {points}'
        f' {BUCKETS},{OVERVIEW_HEIGHT}"/>{ticks}</svg>'
        f'<p class="note"><span>0 s</span><span>operations under way: at most {most};'
        f" a red tick is a fault</span><span>{last:.0f} s</span></p>"
    )


def _labels(roles: Sequence[str], top: float, height: float) -> str:
    texts = [
        f'<text class="role" x="0" y="{AXIS + (index + 0.5) * ROW + 4:.0f}">{escape(role)}</text>'
        for index, role in enumerate(roles)
    ]
    texts.append(f'<text class="role" x="0" y="{top + 12:.0f}">operations</text>')
    return f'<svg class="labels" width="{LABEL_WIDTH}" height="{height}">{"".join(texts)}</svg>'


def _grid(last: float, scale: float, height: float) -> str:
    step = next((one for one in TICKS_S if one * scale >= TICK_SPACE), TICKS_S[-1])
    parts = []
    for second in range(0, int(last) + 1, step):
        x = second * scale + 1
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{AXIS - 6}" y2="{height}"/>'
            f'<text class="axis" x="{x + 3:.1f}" y="12">{second} s</text>'
        )
    return "".join(parts)


def _row(index: int, width: float) -> str:
    y = AXIS + (index + 0.5) * ROW
    return f'<line class="grid" x1="0" x2="{width:.0f}" y1="{y}" y2="{y}"/>'


def _rule(fault: FaultOutcome, scale: float, top: float, height: float) -> str:
    x = fault.at * scale + 1
    return f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4:.0f}" y2="{height}"/>'


def _mark(fault: FaultOutcome, y: float, scale: float) -> str:
    """Draw a fault by its kind, and behind it for how long its place was empty."""
    x = fault.at * scale + 1
    label = f"<title>{escape(title_of(fault))}</title>"
    if fault.pid is None:
        return f'<circle class="missed" cx="{x:.1f}" cy="{y}" r="{MARK - 1}">{label}</circle>'
    length = (fault.back_s or 0.0) * scale
    away = f'<rect class="away" x="{x:.1f}" y="{y - 2}" width="{length:.1f}" height="4" rx="2"/>'
    match fault.kind:
        case "pause":
            length = (fault.seconds or 0.0) * scale
            shape = (
                f'<rect class="pause" x="{x:.1f}" y="{y - MARK}" width="{max(4.0, length):.1f}"'
                f' height="{2 * MARK}" rx="3"/>'
            )
            away = ""
        case "kill-worker":
            shape = f'<circle class="fault" cx="{x:.1f}" cy="{y}" r="{MARK}"/>'
        case "kill-launcher":
            shape = (
                f'<rect class="fault" x="{x - MARK:.1f}" y="{y - MARK}"'
                f' width="{2 * MARK}" height="{2 * MARK}"/>'
            )
        case _:
            far = MARK + 2
            shape = (
                f'<path class="fault" d="M{x:.1f} {y - far}l{far} {far}l-{far} {far}'
                f'l-{far} -{far}z"/>'
            )
    return f"<g>{label}{away}{shape}</g>"


def title_of(fault: FaultOutcome) -> str:
    """Return a fault in words."""
    part = f" worker {fault.worker}" if fault.worker is not None else ""
    length = f" for {fault.seconds:g} s" if fault.seconds is not None else ""
    said = f"{fault.at:.2f} s: {fault.kind} {fault.process}{part}{length}"
    if fault.pid is None:
        return f"{said}: nobody was there"
    if fault.recovery_s is None:
        return f"{said}; nothing was under way"
    return f"{said}; {fault.under_way} under way, all over {fault.recovery_s:.2f} s later"


def _bar(span: Span, y: float, scale: float) -> str:
    width = max(NARROWEST, (span.end - span.begin) * scale)
    style = f"op {span.action}" if span.state == "over" else f"op {span.state}"
    return (
        f'<rect class="{style}" x="{span.begin * scale + 1:.1f}" y="{y}" width="{width:.1f}"'
        f' height="{BAR}" rx="1.5"><title>{escape(span.label)}</title></rect>'
    )
