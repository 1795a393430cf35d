"""The judge finds each kind of broken promise, and nothing in a good run."""

from __future__ import annotations

from typing import Any

import pytest

from devstack_lite.chaos import judge, page, timeline
from devstack_lite.chaos.figures import Figures
from devstack_lite.chaos.history import Event, History
from devstack_lite.chaos.matrix import rows_of
from devstack_lite.invariants.verdict import Verdict


class Story:
    """Tells a history."""

    def __init__(self) -> None:
        self.history = History()
        self.count = 0
        self.servers: list[Event] = []
        self.actions: dict[str, list[str]] = {}

    def ask(
        self,
        action: str,
        server: int = 0,
        *,
        at: float = 1.0,
        outcome: str | None = "accepted",
        status: int | None = None,
        over: float | None = None,
        became: str = "ACTIVE",
        **more: Any,
    ) -> int:
        """Tell one operation; over: when it ended, None if it never did."""
        number, self.count = self.count, self.count + 1
        own = {"number": number, "server_id": f"id-{server}"}
        self.history.add("request", at, action=action, server=server, name=f"s-{server}", **own)
        if outcome is not None:
            status = 202 if outcome == "accepted" else status
            told = {"request_id": f"req-{number}", "retry_after": "1", **more}
            self.history.add("answer", at + 0.1, outcome=outcome, status=status, **own, **told)
        if over is not None:
            self.history.add("finished", over, number=number, status=became)
        return number

    def there(self, server: int = 0, status: str = "ACTIVE", **more: Any) -> None:
        """Tell that a server is there at the end."""
        self.servers.append({"id": f"id-{server}", "name": f"s-{server}", "status": status, **more})

    def strike(self, at: float, number: int = 0, pid: int | None = 1, **more: Any) -> None:
        told = {"kind": "kill-worker", "role": "api", "process": "api", "worker": 1, **more}
        self.history.add("fault", at, number=number, pid=pid, seconds=None, **told)

    def judge(self) -> judge.Judgement:
        self.history.add("final", 99.0, servers=self.servers, actions=self.actions)
        return judge.judge(self.history.events())

    def rules(self) -> set[str]:
        """Return what the judge finds, by rule."""
        judgement = self.judge()
        assert judgement.verdict is Verdict.INVALID
        return {finding.rule for finding in judgement.findings if finding.is_violation}


@pytest.fixture
def story() -> Story:
    return Story()


def test_a_good_run_is_valid(story: Story) -> None:
    """Boots that came true, deletes that did, and refusals that changed nothing, are fine."""
    story.ask("boot", 0, over=2.0)
    story.ask("stop", 0, at=3.0, over=4.0, became="SHUTOFF")
    story.ask("boot", 1, over=2.0)
    story.ask("delete", 1, at=3.0, over=4.0, became="gone")
    story.ask("boot", 2, outcome="refused", status=503)
    story.ask("start", 0, at=3.5, outcome="refused", status=409)
    story.there(0, "SHUTOFF")
    story.actions["id-0"] = ["req-0", "req-1"]
    judgement = story.judge()
    assert judgement.findings == ()
    assert judgement.verdict is Verdict.VALID
    assert judgement.verdict.exit_code == 0
    assert judgement.operations["boot"] == {"accepted": 2, "finished": 2, "refused": 1}


def test_an_accepted_boot_that_is_not_there_is_lost(story: Story) -> None:
    """202, and at the end no server."""
    story.ask("boot", over=2.0, became="gone")
    assert story.rules() == {"lost"}


def test_an_accepted_boot_that_never_ends_is_stuck(story: Story) -> None:
    """202, and BUILD for ever."""
    story.ask("boot")
    story.there(status="BUILD")
    assert story.rules() == {"stuck", "state"}


def test_an_accepted_boot_in_error_is_a_violation(story: Story) -> None:
    """ERROR is not what was promised, whatever killed the worker."""
    story.ask("boot", over=2.0, became="ERROR")
    story.there(status="ERROR")
    assert story.rules() == {"error", "state"}


def test_a_stop_that_was_forgotten_is_seen(story: Story) -> None:
    """The status at the end is that of the last operation which was accepted."""
    story.ask("boot", over=2.0)
    story.ask("stop", at=3.0, over=4.0)
    story.there(status="ACTIVE")
    assert story.rules() == {"state"}


def test_a_delete_that_was_forgotten_is_seen(story: Story) -> None:
    """A server whose delete was accepted is not there at the end."""
    story.ask("boot", over=2.0)
    story.ask("delete", at=3.0, over=4.0, became="gone")
    story.there()
    assert story.rules() == {"state"}


def test_a_refused_boot_that_made_a_server_is_seen(story: Story) -> None:
    """503, and yet there is a server of that name."""
    story.ask("boot", 0, over=2.0)
    story.there(0)
    story.ask("boot", 1, outcome="refused", status=503)
    story.there(1)
    assert story.rules() == {"refused"}


def test_a_refused_action_that_was_carried_out_is_seen(story: Story) -> None:
    """503, and yet the request is among the server's actions."""
    story.ask("boot", over=2.0)
    number = story.ask("reboot", at=3.0, outcome="refused", status=503)
    story.there()
    story.actions["id-0"] = [f"req-{number}"]
    assert story.rules() == {"refused"}


def test_a_boot_that_made_two_servers_is_seen(story: Story) -> None:
    """One request, one server."""
    story.ask("boot", over=2.0)
    story.there()
    story.there()
    assert story.rules() == {"double"}


def test_a_server_that_nobody_asked_for_is_seen(story: Story) -> None:
    """Nothing comes from nowhere."""
    story.ask("boot", over=2.0)
    story.there(0)
    story.there(7)
    assert story.rules() == {"unasked"}


def test_an_answer_of_500_is_a_violation(story: Story) -> None:
    """A good request is accepted, or refused with 503; 409 and 404 have their reasons."""
    story.ask("boot", 0, over=2.0)
    story.there(0)
    story.ask("boot", 1, outcome="refused", status=500)
    assert story.rules() == {"answers"}


def test_503_must_say_when_to_come_again(story: Story) -> None:
    """Retry-After is part of the promise."""
    story.ask("boot", 0, over=2.0)
    story.there(0)
    story.ask("boot", 1, outcome="refused", status=503, retry_after=None)
    assert story.rules() == {"answers"}


def test_not_found_is_right_only_after_a_delete(story: Story) -> None:
    """404 for a server that nobody had deleted is a loss, even if it is there again later."""
    story.ask("boot", 0, over=2.0)
    story.there(0)
    story.ask("stop", 0, at=3.0, outcome="refused", status=404)
    assert story.rules() == {"lost"}


def test_a_request_without_an_answer_may_have_happened(story: Story) -> None:
    """A cut connection is neither yes nor no: both ends are fine."""
    story.ask("boot", 0, outcome="indefinite")
    story.ask("boot", 1, outcome="indefinite")
    story.there(1)
    story.ask("boot", 2, over=2.0)
    story.ask("stop", 2, at=3.0, outcome="indefinite")
    story.there(2, "SHUTOFF")
    assert story.judge().verdict is Verdict.VALID


def test_without_a_look_at_the_end_it_is_unknown(story: Story) -> None:
    """What was not seen is not judged."""
    story.ask("boot", over=2.0)
    judgement = judge.judge(story.history.events())
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.verdict.exit_code == 2


def test_a_run_that_tried_nothing_is_unknown(story: Story) -> None:
    """An empty run proves nothing."""
    assert story.judge().verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, Verdict.VALID), (2, Verdict.UNKNOWN), (1, Verdict.INVALID)]
)
def test_the_invariants_have_their_say(story: Story, code: int, verdict: Verdict) -> None:
    """What `check` says is part of the verdict."""
    story.ask("boot", over=2.0)
    story.there()
    story.history.add("check", exit_code=code, report="…")
    assert story.judge().verdict is verdict


def test_a_daemon_that_stays_down_is_seen(story: Story) -> None:
    """Everybody is up again at the end."""
    story.ask("boot", over=2.0)
    story.there()
    story.history.add("settled", is_settled=False, waiting_for=["scheduler"])
    assert story.rules() == {"settled"}


def test_servers_that_cannot_be_deleted_afterwards_are_seen(story: Story) -> None:
    """The run leaves nothing."""
    story.ask("boot", over=2.0)
    story.there()
    story.history.add("cleaned", left=["id-0"])
    assert story.rules() == {"cleaned"}


def test_a_recovery_lasts_until_the_last_operation_under_way_is_over(story: Story) -> None:
    """What ended before the fault, or began after it, does not count."""
    story.ask("boot", 0, at=1.0, over=4.9)
    story.ask("boot", 1, at=4.0, over=6.0)
    story.ask("boot", 2, at=4.5, over=7.5)
    story.ask("boot", 3, at=5.1, over=9.0)
    for server in range(4):
        story.there(server)
    story.strike(5.0)
    story.history.add("back", 5.3, fault=0)
    judgement = story.judge()
    assert [(f.under_way, f.recovery_s, f.back_s) for f in judgement.faults] == [(2, 2.5, 0.3)]
    assert judgement.recoveries == {
        "api kill-worker": Figures(count=1, p50_s=2.5, p95_s=2.5, worst_s=2.5)
    }


def test_a_fault_that_hit_nobody_has_no_recovery(story: Story) -> None:
    """A worker that was dead already is not counted."""
    story.ask("boot", at=1.0, over=4.9)
    story.there()
    story.strike(2.0, pid=None)
    assert story.judge().recoveries == {}


def test_figures_are_by_nearest_rank() -> None:
    """Of one hundred, the 95th is the 95th; of none, all are zero."""
    assert Figures.of(range(1, 101)) == Figures(count=100, p50_s=50, p95_s=95, worst_s=100)
    assert Figures.of([]) == Figures(count=0, p50_s=0, p95_s=0, worst_s=0)


def test_a_matrix_is_a_table_of_its_cells(story: Story) -> None:
    """Each row counts what became of its operations, and how long after the fault."""
    story.ask("boot", 0, at=1.0, over=1.5)
    story.history.add("cell", role="none", kind="none", action="boot", fault=None, first=0, count=1)
    story.ask("boot", 1, at=2.0, over=4.0)
    story.ask("boot", 2, at=2.0, outcome="refused", status=503)
    story.strike(2.5)
    story.history.add(
        "cell", role="api", kind="kill-worker", action="boot", fault=0, first=1, count=2
    )
    calm, struck = rows_of(story.history.events())
    assert (calm.role, calm.struck, calm.recovery.worst_s) == ("none", 0, 0.5)
    assert (struck.role, struck.struck, struck.recovery.worst_s) == ("api", 1, 1.5)
    assert struck.became == {"ACTIVE": 1, "refused": 1}


def test_the_page_shows_faults_and_operations_and_fetches_nothing(story: Story) -> None:
    """One file: a bar per operation, a mark per fault, no script and no address but SVG's."""
    story.ask("boot", 0, at=1.0, over=1.5)
    story.ask("boot", 1, at=1.2, outcome="refused", status=503)
    story.ask("stop", 0, at=2.0)
    story.there(0, "ACTIVE")
    story.strike(1.1)
    story.strike(1.3, number=1, kind="pause", pid=None)
    story.strike(1.4, number=2, kind="broker-restart", role="broker", process="broker", worker=None)
    drawn = page.render(story.history.events(), story.judge())
    assert drawn.count('class="op ') == 3
    assert 'class="op boot"' in drawn
    assert 'class="op refused"' in drawn
    assert 'class="op open"' in drawn
    assert drawn.count('class="missed"') == 1
    assert "invalid" in drawn
    for word in ("<script", "http://", "https://", "url(", "@import", "<link", "<img"):
        assert word not in drawn


def test_names_on_the_page_are_escaped(story: Story) -> None:
    """What a server is called is text."""
    story.history.add("request", 1.0, number=0, action="boot", server=0, name="<b>&")
    story.history.add("answer", 1.1, number=0, outcome="accepted", status=202)
    drawn = page.render(story.history.events(), story.judge())
    assert "<b>&:" not in drawn
    assert "&lt;b&gt;&amp;" in drawn


def test_spans_that_overlap_get_lanes_of_their_own() -> None:
    """Two at once are drawn below each other, one after the other in one lane."""

    def span(begin: float, end: float) -> timeline.Span:
        return timeline.Span(begin=begin, end=end, action="boot", state="over", label="")

    lanes = timeline.pack([span(0, 2), span(1, 3), span(2.5, 4)], gap=0.1)
    assert [[(one.begin, one.end) for one in lane] for lane in lanes] == [
        [(0, 2), (2.5, 4)],
        [(1, 3)],
    ]
