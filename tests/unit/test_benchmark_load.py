"""Requests without a pause: what wrk reports, and the threads that stand in for it."""

from __future__ import annotations

import itertools

import pytest

from benchmarks import load
from benchmarks.client import BenchmarkError

REPORT = """Running 5s test @ http://127.0.0.1:8774/v2.1/servers/x
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    17.21ms    4.02ms  60.11ms   83.20%
    Req/Sec     0.94k    72.50     1.07k    66.00%
  Latency Distribution
     50%   16.50ms
     75%   18.91ms
     90%   21.77ms
     99%    1.25s
  4669 requests in 5.00s, 9.65MB read
Requests/sec:    933.21
Transfer/sec:      1.93MB
"""


def test_a_report_of_wrk_is_read() -> None:
    """Rate, total, median and p99, whatever the unit."""
    found = load.load_of_wrk(REPORT, 16)
    assert (found.requests, found.per_s) == (4669, 933.21)
    assert found.latency_ms == {"median": 16.5, "p99": 1250.0}


@pytest.mark.parametrize(
    "line",
    [
        "  Non-2xx or 3xx responses: 12\n",
        "  Socket errors: connect 0, read 12, write 0, timeout 0\n",
    ],
)
def test_failures_that_wrk_reports_are_an_error(line: str) -> None:
    """A rate of errors is no rate."""
    with pytest.raises(BenchmarkError, match="12 of 4669"):
        load.load_of_wrk(REPORT + line, 16)


def test_what_is_no_report_is_an_error() -> None:
    """Another wrk's words are shown, not guessed at."""
    with pytest.raises(BenchmarkError, match="unable to connect"):
        load.load_of_wrk("unable to connect", 16)


def test_threads_count_what_they_did() -> None:
    """Every call is counted, and the load ends."""
    calls = itertools.count()
    found = load.drive(lambda: next(calls), connections=3, seconds=0.05)
    assert found.requests == next(calls)
    assert found.latency_ms["count"] == found.requests


def test_threads_end_when_one_fails() -> None:
    """The first failure ends the load long before its time, and is raised."""

    def fail() -> None:
        raise BenchmarkError("refused")

    with pytest.raises(BenchmarkError, match="refused"):
        load.drive(fail, connections=3, seconds=60.0)
