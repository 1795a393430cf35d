"""Judges a run from its history alone: a pure function, so that a saved history is judged again.

What must hold:
- every request is answered with what an API may answer; a 503 says when to come again;
- a boot that was accepted is there and ACTIVE (or as the later operations left it), or was asked to
  be deleted; nothing accepted is under way for ever;
- a request that was refused has changed nothing;
- no boot made two servers, and nothing is there that nobody asked for;
- the invariants hold, where `devstack-lite check` is there to say so.

valid: all of it was seen to hold. invalid: some was seen not to. unknown: it could not be seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from devstack_lite.chaos.figures import Figures
from devstack_lite.chaos.history import Event, Outcome, of_type
from devstack_lite.chaos.plan import Action
from devstack_lite.invariants.verdict import Verdict

GONE = "gone"
RUNNING, STOPPED = "ACTIVE", "SHUTOFF"

LEAVES = {
    Action.BOOT: RUNNING,
    Action.START: RUNNING,
    Action.REBOOT: RUNNING,
    Action.STOP: STOPPED,
    Action.DELETE: GONE,
}
"""The status in which an operation leaves its server."""

BUSY, MISSING, UNAVAILABLE = 409, 404, 503
MAY_REFUSE = {
    Action.BOOT: {UNAVAILABLE},
    Action.DELETE: {UNAVAILABLE, MISSING},
}
"""The answers that refuse a good request; those of the other actions are OTHERS_MAY_REFUSE."""
OTHERS_MAY_REFUSE = {UNAVAILABLE, MISSING, BUSY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not hold, or that could not be seen."""

    rule: str
    text: str
    ids: Sequence[str | int] = ()
    is_violation: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOutcome:
    """What became of one fault."""

    number: int
    at: float
    kind: str
    role: str
    process: str
    worker: int | None
    pid: int | None
    seconds: float | None
    under_way: int
    """Accepted operations under way when it struck, or asked for and then accepted."""
    recovery_s: float | None
    """From the fault until the last of those was over, as a client saw it; None without any."""
    back_s: float | None
    """Until another process had the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything that a report shows."""

    verdict: Verdict
    findings: Sequence[Finding]
    faults: Sequence[FaultOutcome]
    operations: dict[str, dict[str, int]]
    """By action: how many were accepted, refused, indefinite, skipped, finished."""
    recoveries: dict[str, Figures]
    """By role and kind of fault: seconds from the fault to the last operation under way."""
    delays: Figures
    """Seconds that accepted operations took, all of them."""
    invariants: str
    """What `devstack-lite check` said: valid, unknown, invalid, or absent."""


@dataclass(slots=True)
class _Request:
    """One operation, from its request to its end."""

    number: int
    action: Action
    server: int
    name: str
    at: float
    answered_at: float | None = None
    outcome: Outcome | None = None
    status: int | None = None
    request_id: str | None = None
    retry_after: str | None = None
    server_id: str | None = None
    detail: str | None = None
    finished_at: float | None = None
    finished_as: str | None = None


@dataclass(slots=True)
class _Case:
    """The history, put in order, and what was found in it."""

    requests: dict[int, _Request]
    final: Event | None
    findings: list[Finding] = field(default_factory=list)

    def add(self, rule: str, text: str, *ids: str | int, is_violation: bool = True) -> None:
        self.findings.append(Finding(rule=rule, text=text, ids=ids, is_violation=is_violation))


def judge(events: Sequence[Event]) -> Judgement:
    """Return the judgement of a history."""
    finals = of_type(events, "final")
    case = _Case(requests=_requests_of(events), final=finals[-1] if finals else None)
    _judge_answers(case)
    _judge_ends(case, events)
    if case.final is None:
        case.add("final", "what is there at the end could not be seen", is_violation=False)
    else:
        _judge_servers(case, case.final)
        _judge_refusals(case, case.final)
    invariants = _judge_check(case, events)
    if not any(one.outcome is Outcome.ACCEPTED for one in case.requests.values()):
        case.add("load", "no request was accepted: nothing was tried", is_violation=False)
    faults = _faults_of(case, events)
    return Judgement(
        verdict=_verdict_of(case.findings),
        findings=tuple(case.findings),
        faults=faults,
        operations=_count(case.requests.values()),
        recoveries=recoveries_of(faults),
        delays=Figures.of(
            one.finished_at - one.at
            for one in case.requests.values()
            if one.finished_at is not None
        ),
        invariants=invariants,
    )


def recoveries_of(faults: Iterable[FaultOutcome]) -> dict[str, Figures]:
    """Return the figures of the recoveries by `role kind`."""
    grouped: dict[str, list[float]] = {}
    for fault in faults:
        if fault.recovery_s is not None and fault.pid is not None:
            grouped.setdefault(f"{fault.role} {fault.kind}", []).append(fault.recovery_s)
    return {key: Figures.of(values) for key, values in sorted(grouped.items())}


def _requests_of(events: Sequence[Event]) -> dict[int, _Request]:
    found: dict[int, _Request] = {}
    for event in events:
        if event["type"] == "request":
            found[event["number"]] = _Request(
                number=event["number"],
                action=Action(event["action"]),
                server=event["server"],
                name=event["name"],
                at=event["at"],
                server_id=event.get("server_id"),
            )
        elif event["type"] == "answer":
            one = found[event["number"]]
            one.answered_at = event["at"]
            one.outcome = Outcome(event["outcome"])
            one.status = event.get("status")
            one.request_id = event.get("request_id")
            one.retry_after = event.get("retry_after")
            one.server_id = event.get("server_id") or one.server_id
            one.detail = event.get("detail")
        elif event["type"] == "finished":
            one = found[event["number"]]
            one.finished_at, one.finished_as = event["at"], event["status"]
    return found


def _judge_answers(case: _Case) -> None:
    for one in case.requests.values():
        if one.outcome is not Outcome.REFUSED:
            continue
        allowed = MAY_REFUSE.get(one.action, OTHERS_MAY_REFUSE)
        if one.status not in allowed:
            case.add("answers", f"{one.action} of {one.name} was answered {one.status}:"
                     f" {one.detail}", one.request_id or one.number)  # fmt: skip
        elif one.status == UNAVAILABLE and one.retry_after is None:
            case.add("answers", f"{one.action} of {one.name} was answered 503 without Retry-After",
                     one.request_id or one.number)  # fmt: skip
        elif one.status == MISSING and not _was_delete_asked(case, one):
            case.add("lost", f"{one.name} was not found, and nobody had it deleted",
                     str(one.server_id))  # fmt: skip


def _was_delete_asked(case: _Case, of: _Request) -> bool:
    return any(
        one.action is Action.DELETE
        and one.server == of.server
        and one.number != of.number
        and one.outcome in {Outcome.ACCEPTED, Outcome.INDEFINITE}
        for one in case.requests.values()
    )


def _judge_ends(case: _Case, events: Sequence[Event]) -> None:
    for one in case.requests.values():
        if one.outcome is Outcome.ACCEPTED and one.finished_at is None:
            case.add("stuck", f"{one.action} of {one.name} was accepted and never ended",
                     str(one.server_id))  # fmt: skip
        elif one.outcome is None:
            case.add("answers", f"{one.action} of {one.name} was never answered", one.number)
        if one.finished_as == "ERROR":
            case.add("error", f"{one.action} of {one.name} ended in ERROR", str(one.server_id))
    settled = of_type(events, "settled")
    if settled and settled[-1]["waiting_for"]:
        case.add("settled", f"not up again: {', '.join(settled[-1]['waiting_for'])}")
    for cleaned in of_type(events, "cleaned"):
        if cleaned["left"]:
            case.add("cleaned", "could not be deleted afterwards", *cleaned["left"])


def _judge_servers(case: _Case, final: Event) -> None:
    """Compare what is there with what was asked for."""
    there: dict[str, list[Event]] = {}
    for server in final["servers"]:
        there.setdefault(server["name"], []).append(server)
    asked: dict[str, list[_Request]] = {}
    for one in case.requests.values():
        asked.setdefault(one.name, []).append(one)
    for name, servers in there.items():
        if name not in asked:
            case.add("unasked", f"{name} is there, and nobody asked for it", servers[0]["id"])
        if len(servers) > 1:
            case.add("double", f"{name} is there {len(servers)} times",
                     *(one["id"] for one in servers))  # fmt: skip
    for name, requests in asked.items():
        may_be = allowed_ends(requests)
        for status in {server["status"] for server in there.get(name, [])} or {GONE}:
            if status not in may_be:
                was_refused = not any(one.outcome is Outcome.ACCEPTED for one in requests)
                rule = "lost" if status == GONE else "refused" if was_refused else "state"
                case.add(rule, f"{name} is {status}, and may be {' or '.join(sorted(may_be))}",
                         str(requests[0].server_id or name))  # fmt: skip


def allowed_ends(requests: Sequence[_Request]) -> set[str]:
    """Return the statuses in which a server may be after its requests, in the order of sending.

    A request without an answer may take effect at any later time; a refused one never does.
    """
    now, later = {GONE}, set[str]()
    for one in requests:
        if one.outcome is Outcome.ACCEPTED:
            now = {LEAVES[one.action]}
        elif one.outcome in {Outcome.INDEFINITE, None}:
            later.add(LEAVES[one.action])
    return {GONE} if now == {GONE} and requests[0].outcome is Outcome.ACCEPTED else now | later


def _judge_refusals(case: _Case, final: Event) -> None:
    """Look for refused requests among those that the servers say were carried out."""
    carried_out = {
        request_id
        for request_ids in final.get("actions", {}).values()
        for request_id in request_ids
    }
    for one in case.requests.values():
        if one.outcome is Outcome.REFUSED and one.request_id in carried_out:
            case.add("refused", f"{one.action} of {one.name} was refused with {one.status},"
                     " and is among its actions", str(one.request_id))  # fmt: skip


def _judge_check(case: _Case, events: Sequence[Event]) -> str:
    checks = of_type(events, "check")
    if not checks:
        return "absent"
    code = checks[-1]["exit_code"]
    for verdict in Verdict:
        if verdict.exit_code == code:
            break
    else:
        verdict = Verdict.UNKNOWN
    if verdict is not Verdict.VALID:
        case.add("invariants", f"devstack-lite check says {verdict}: {checks[-1]['report']}",
                 is_violation=verdict is Verdict.INVALID)  # fmt: skip
    return verdict.value


def _faults_of(case: _Case, events: Sequence[Event]) -> list[FaultOutcome]:
    backs = {event["fault"]: event["at"] for event in of_type(events, "back")}
    resumed = {event["fault"]: event["at"] for event in of_type(events, "resumed")}
    outcomes = []
    for event in of_type(events, "fault"):
        hit = [
            one.finished_at
            for one in case.requests.values()
            if one.finished_at is not None and one.at <= event["at"] < one.finished_at
        ]
        back = {**backs, **resumed}.get(event["number"])
        outcomes.append(
            FaultOutcome(
                number=event["number"],
                at=event["at"],
                kind=event["kind"],
                role=event["role"],
                process=event["process"],
                worker=event.get("worker"),
                pid=event.get("pid"),
                seconds=event.get("seconds"),
                under_way=len(hit),
                recovery_s=round(max(hit) - event["at"], 3) if hit else None,
                back_s=None if back is None else round(back - event["at"], 3),
            )
        )
    return outcomes


def _count(requests: Iterable[_Request]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for one in requests:
        own = counts.setdefault(one.action.value, Counter())
        own[one.outcome.value if one.outcome is not None else "unanswered"] += 1
        if one.finished_at is not None:
            own["finished"] += 1
    return {action: dict(own) for action, own in sorted(counts.items())}


def _verdict_of(findings: Sequence[Finding]) -> Verdict:
    if any(one.is_violation for one in findings):
        return Verdict.INVALID
    return Verdict.UNKNOWN if findings else Verdict.VALID


def as_json(judgement: Judgement) -> dict[str, Any]:
    """Return the judgement as JSON types."""
    import dataclasses

    return dataclasses.asdict(judgement) | {"verdict": judgement.verdict.value}
