"""The arithmetic of the benchmarks: CPU time, percentiles, medians, tables, counts."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from benchmarks import counting, measuring, peer
from benchmarks.client import BenchmarkError, login_body

TICKS = os.sysconf("SC_CLK_TCK")


def test_cpu_time_is_user_and_system_of_a_name_with_brackets() -> None:
    """A process may call itself `a) R (b`: the fields behind the last bracket count."""
    stat = f"12 (a) R (b) S 1 2 3 0 -1 4194560 9 0 0 0 {3 * TICKS} {TICKS} 7 7 20 0 1 0 100"
    assert measuring.cpu_s_of(stat) == 4.0


def test_cpu_time_of_a_process_that_is_gone_is_not_there() -> None:
    """A pid that nobody has is left out; one's own is there."""
    found = measuring.process_cpu_s([os.getpid(), 2**22 + 1])
    assert list(found) == [os.getpid()]


def test_spent_counts_processes_that_live_at_both_ends() -> None:
    """What began or ended meanwhile is not counted."""
    before = {"api": {1: 1.0, 2: 5.0}, "image": {3: 1.0}}
    after = {"api": {1: 1.5, 9: 40.0}, "image": {3: 1.25}}
    assert measuring.spent(before, after) == {"api": 0.5, "image": 0.25}


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1.0), (0.5, 50.0), (0.95, 95.0), (0.99, 99.0), (1.0, 100.0)]
)
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    """Of 1 to 100, each percentile is its own number, whatever the order."""
    assert measuring.percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_spread_of_nothing_is_empty() -> None:
    """No values have no median, and percentile says so."""
    assert measuring.spread([]) == {}
    with pytest.raises(ValueError, match="nothing"):
        measuring.percentile([], 0.5)


def test_medians_are_by_key() -> None:
    """A key that a run lacks is 0 there."""
    assert measuring.medians([{"a": 1.0}, {"a": 3.0, "b": 4.0}, {"a": 9.0, "b": 2.0}]) == {
        "a": 3.0,
        "b": 2.0,
    }


def test_table_lines_up() -> None:
    """First column to the left, the others to the right, numbers with two digits."""
    text = measuring.table(["", "ms"], [["api", 1.5], ["conductor", None]])
    assert text.splitlines() == ["             ms", "api        1.50", "conductor     -"]


def test_cpu_table_sums_the_cloud_without_the_client() -> None:
    """The client's time is beside the cloud's sum, not in it."""
    lines = measuring.cpu_table({"boot": {"api": 1.0, "image": 2.0, "client": 4.0}}).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["1.00", "2.00", "3.00", "4.00"]


def test_commits_are_read_from_the_wal_index(tmp_path: Path) -> None:
    """The counter rises by one with each transaction that wrote."""
    path = tmp_path / "x.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (x)")
    index = tmp_path / "x.sqlite-shm"
    before = counting.changes_of(index)
    for number in range(7):
        connection.execute("INSERT INTO t VALUES (?)", (number,))
    after = counting.changes_of(index)
    connection.close()
    assert before is not None
    assert after == before + 7


def test_no_wal_index_has_no_commits(tmp_path: Path) -> None:
    """What cannot be counted is None, never 0."""
    assert counting.changes_of(tmp_path / "none") is None


def test_the_peer_is_compared_phase_by_phase() -> None:
    """A ratio above 1 is in favour of this project's cloud."""
    rates = {"peer: 1 client": 5.0, "devstack-lite: 1 client": 20.0}
    phases = {name: {"boots_per_s": {"median": rate}} for name, rate in rates.items()}
    assert peer.ratios(phases) == {"1 client": 4.0}


def test_each_point_is_of_a_kind() -> None:
    """Calls and casts are told apart by their declarations."""
    known = counting.kinds()
    point = "rpc.conductor.create_instances.before"
    assert counting.kind_of(point, known) == ("call", "conductor.create_instances")
    point = "rpc.compute.build_instances.before"
    assert counting.kind_of(point, known) == ("cast", "compute.build_instances")
    assert counting.kind_of("http.api.before", known) == ("http", "api")


def test_what_the_idle_cloud_does_is_taken_off() -> None:
    """Never so much that less than nothing is left."""
    assert counting.beyond(busy=30, idle=10, ratio=0.5, boots=5) == 5.0
    assert counting.beyond(busy=3, idle=10, ratio=0.5, boots=5) == 0.0


def test_login_takes_domains_by_name_and_by_id() -> None:
    """DevStack's openrc says ids, others names; a missing variable is named."""
    known = {"OS_USERNAME": "u", "OS_PASSWORD": "p", "OS_PROJECT_NAME": "n"}
    auth = login_body({**known, "OS_USER_DOMAIN_NAME": "Default"})["auth"]
    assert auth["identity"]["password"]["user"]["domain"] == {"name": "Default"}
    assert auth["scope"]["project"]["domain"] == {"id": "default"}
    with pytest.raises(BenchmarkError, match="OS_USERNAME"):
        login_body({})
