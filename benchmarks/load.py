"""Requests without a pause over kept connections: wrk where it is installed, else own threads.

wrk takes next to nothing from the cloud. Threads of this process share one interpreter and take CPU
time from the cloud on a small machine: their rates are lower, and are said to be theirs. Compare
figures of one tool only.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from benchmarks import measuring
from benchmarks.client import BenchmarkError

GRACE_S = 30.0
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_TOTAL = re.compile(r"(\d+) requests in ([\d.]+)(ms|s|m)")
_FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SOCKET = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_LATENCY = re.compile(r"^\s+(50|75|90|99)%\s+([\d.]+)(us|ms|s)\s*$", re.MULTILINE)
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_S = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load of requests came to."""

    tool: Literal["wrk", "threads"]
    connections: int
    requests: int
    per_s: float
    latency_ms: dict[str, float]
    """Median and p99, at least."""


def has_wrk() -> bool:
    """Say whether wrk is on PATH."""
    return shutil.which("wrk") is not None


def drive_wrk(url: str, token: str, *, connections: int, seconds: float) -> Load:
    """GET a URL over and over by wrk. Raises BenchmarkError when an answer is not 2xx or 3xx."""
    done = subprocess.run(
        ["wrk", "--threads", "1", "--connections", str(connections), "--latency", "--timeout",
         "30s", "--duration", f"{max(1, round(seconds))}s", "--header", f"X-Auth-Token: {token}",
         url],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + GRACE_S,
    )  # fmt: skip
    if done.returncode:
        raise BenchmarkError(f"wrk ended with {done.returncode}: {done.stderr.strip()}")
    return load_of_wrk(done.stdout, connections)


def load_of_wrk(text: str, connections: int) -> Load:
    """Return what wrk's report says. Raises BenchmarkError when it tells of failures."""
    total, rate = _TOTAL.search(text), _RATE.search(text)
    if total is None or rate is None:
        raise BenchmarkError(f"wrk's report was not understood: {text!r}")
    failed = _FAILED.search(text)
    lost = _SOCKET.search(text)
    failures = int(failed[1]) if failed else 0
    failures += sum(int(number) for number in lost.groups()) if lost else 0
    if failures:
        raise BenchmarkError(f"{failures} of {total[1]} requests failed.")
    shares = {share: float(value) * _MS[unit] for share, value, unit in _LATENCY.findall(text)}
    return Load(
        tool="wrk",
        connections=connections,
        requests=int(total[1]),
        per_s=float(rate[1]),
        latency_ms={"median": shares.get("50", 0.0), "p99": shares.get("99", 0.0)},
    )


def drive(act: Callable[[], object], *, connections: int, seconds: float) -> Load:
    """Have so many threads call act over and over; act has a connection per thread.

    Raises what act raises.
    """
    end = threading.Event()

    def repeat() -> list[float]:
        taken = []
        try:
            while not end.is_set():
                began = time.perf_counter()
                act()
                taken.append((time.perf_counter() - began) * 1000)
        except Exception:
            end.set()
            raise
        return taken

    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        futures = [pool.submit(repeat) for _ in range(connections)]
        end.wait(seconds)
        end.set()
        taken = [one for future in futures for one in future.result()]
    wall_s = time.perf_counter() - began
    return Load(
        tool="threads",
        connections=connections,
        requests=len(taken),
        per_s=len(taken) / wall_s,
        latency_ms=measuring.spread(taken),
    )
