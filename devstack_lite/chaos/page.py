"""The report as one HTML page: no script, nothing fetched, legible on light and on dark."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from html import escape

from devstack_lite.chaos import timeline
from devstack_lite.chaos.figures import Figures
from devstack_lite.chaos.history import Event, of_type
from devstack_lite.chaos.judge import Judgement
from devstack_lite.chaos.style import CSS

ACTIONS = ("boot", "reboot", "start", "stop", "delete")
COLUMNS = ("accepted", "finished", "refused", "indefinite", "skipped")
SENTENCES = {
    "valid": "Everything that was accepted came true, and nothing that was refused did.",
    "unknown": "Nothing wrong was seen, but not all could be seen.",
    "invalid": "The cloud broke a promise.",
}


def render(events: Sequence[Event], judgement: Judgement) -> str:
    """Return the page of a run."""
    headers = of_type(events, "header")
    header = headers[0] if headers else {}
    spans = timeline.spans_of(events)
    title = f"chaos on {escape(str(header.get('cloud', 'a cloud')))}"
    parts = [
        _head(title, header, judgement),
        _tiles(judgement),
        _findings(judgement),
        "<h2>The run at a glance</h2>",
        timeline.overview(spans, judgement.faults),
        "<h2>Faults and operations</h2>",
        _legend(),
        timeline.draw(spans, judgement.faults),
        '<div class="columns"><section><h2>Operations</h2>',
        _operations(judgement),
        "</section><section><h2>Recoveries</h2>",
        _recoveries(judgement.recoveries),
        "</section></div><h2>Every fault</h2>",
        _faults(judgement),
    ]
    return document(title, "".join(parts))


def document(title: str, body: str) -> str:
    """Return a whole page around a body."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{CSS}</style></head><body><main>{body}</main></body></html>\n"
    )


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; what is in the rows must be escaped already. Numbers stand to the right."""
    head = "".join(f"<th>{title}</th>" for title in titles)
    body = "".join(
        "<tr>" + "".join(f"<td{_class_of(cell)}>{cell}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _class_of(cell: str) -> str:
    return ' class="number"' if cell[:1].isdigit() or cell == "-" else ""


def _head(title: str, header: Event, judgement: Judgement) -> str:
    settings = header.get("settings", {})
    began = datetime.datetime.fromtimestamp(header.get("started_at", 0), datetime.UTC)
    facts = {
        "seed": settings.get("seed", "-"),
        "plan": header.get("plan", "-"),
        "lasted": f"{settings.get('duration_s', 0):g} s",
        "faults per second": f"{settings.get('rate', 0):g}",
        "operations per second": f"{settings.get('load', 0):g}",
        "profile": header.get("profile", "-"),
        "began": f"{began:%Y-%m-%d %H:%M:%S} UTC",
    }
    said = " · ".join(f"{key} <b>{escape(str(value))}</b>" for key, value in facts.items())
    verdict = judgement.verdict.value
    return (
        f'<header><h1>{title}</h1><p class="verdict {verdict}">{verdict}</p></header>'
        f"<p>{SENTENCES[verdict]}</p><p class='facts'>{said}</p>"
    )


def _tiles(judgement: Judgement) -> str:
    own = judgement.operations.values()
    struck = [fault for fault in judgement.faults if fault.pid is not None]
    recoveries = Figures.of(one.recovery_s for one in struck if one.recovery_s is not None)
    tiles = (
        ("faults that struck", str(len(struck))),
        ("operations accepted", str(sum(one.get("accepted", 0) for one in own))),
        ("refused", str(sum(one.get("refused", 0) for one in own))),
        ("recovery, median", f"{recoveries.p50_s:.2f} s"),
        ("recovery, 95 %", f"{recoveries.p95_s:.2f} s"),
        ("operation, median", f"{judgement.delays.p50_s:.2f} s"),
        ("invariants", "not checked" if judgement.invariants == "absent" else judgement.invariants),
    )
    return '<div class="tiles">' + "".join(
        f"<div><span>{name}</span><strong>{value}</strong></div>" for name, value in tiles
    ) + "</div>"  # fmt: skip


def _findings(judgement: Judgement) -> str:
    if not judgement.findings:
        return ""
    rows = (
        (escape(one.rule), escape(one.text), escape(" ".join(map(str, one.ids))))
        for one in judgement.findings
    )
    return f"<h2>Findings: {len(judgement.findings)}</h2>" + table(("rule", "what", "ids"), rows)


def _legend() -> str:
    actions = "".join(f'<span><i class="key {one}"></i>{one}</span>' for one in ACTIONS)
    return (
        f'<p class="legend">{actions}<span><i class="key refused"></i>refused</span>'
        '<span><i class="key indefinite"></i>no answer</span>'
        '<span><i class="key open"></i>never over</span></p>'
        '<p class="legend"><span><i class="key round"></i>worker killed</span>'
        '<span><i class="key square"></i>launcher killed</span>'
        '<span><i class="key diamond"></i>host or broker</span>'
        '<span><i class="key paused"></i>paused</span>'
        '<span><i class="key thin"></i>until another is there</span>'
        '<span><i class="key empty"></i>nobody was there</span></p>'
    )


def _operations(judgement: Judgement) -> str:
    rows = (
        (f'<i class="key {action}"></i>{action}', *(str(own.get(name, 0)) for name in COLUMNS))
        for action, own in judgement.operations.items()
    )
    return table(("operation", *COLUMNS), rows)


def _recoveries(recoveries: dict[str, Figures]) -> str:
    rows = (
        (escape(what), str(own.count), f"{own.p50_s:.2f}", f"{own.p95_s:.2f}", f"{own.worst_s:.2f}")
        for what, own in recoveries.items()
    )
    note = (
        "<p class='small'>Seconds from a fault until every operation under way was over, as a"
        " client saw it; what other faults added is in it.</p>"
    )
    return table(("fault", "times", "median", "95 %", "worst"), rows) + note


def _faults(judgement: Judgement) -> str:
    rows = (
        (
            f"{fault.at:.2f}",
            escape(fault.kind) + (f" {fault.seconds:g} s" if fault.seconds is not None else ""),
            escape(fault.process) + (f" worker {fault.worker}" if fault.worker else ""),
            "nobody there" if fault.pid is None else str(fault.pid),
            str(fault.under_way),
            _seconds(fault.back_s),
            _seconds(fault.recovery_s),
        )
        for fault in judgement.faults
    )
    titles = ("at s", "fault", "of", "pid", "under way", "place taken after s", "all over after s")
    return table(titles, rows)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
