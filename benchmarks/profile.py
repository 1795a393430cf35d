"""Shows where a boot's CPU time goes, by daemon and function: a table, and a flame graph as SVG.

py-spy samples the threads that hold the interpreter's lock in each worker while clients boot
servers; nothing in the daemons is changed for it. The broker is Erlang, which py-spy cannot read:
its CPU time stands in the table, and it is not in the graph. Milliseconds of a function are its
share of the daemon's samples times the daemon's CPU time, so that they add up to what the kernel
counted; what a daemon does without the lock, inside SQLite for instance, goes to no function of its
own that way.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from pathlib import Path
from typing import Any

from benchmarks import flame, measuring, own_cloud
from benchmarks.boot import boot_with
from benchmarks.client import BenchmarkError, ComputeClient, client_of
from benchmarks.flame import Stack
from benchmarks.measuring import Took, say
from devstack_lite import cloud_files
from devstack_lite.cloud import Cloud

SUMMARY = "Show where a boot's CPU time goes, by daemon and function, as a flame graph."
MISSING = (
    "py-spy is not on PATH: `pip install py-spy`, and run this as root or with CAP_SYS_PTRACE."
)
SECONDS_AT_MOST = 600
ATTACH_S = 15.0
END_S = 10.0
PACKAGES = 20
UNREADABLE = {"broker", "supervisor", measuring.CLIENT}
ATTACHED = "Sampling process"
"""What py-spy says first when it has found the interpreter."""


@contextmanager
def sampled(pids: dict[str, list[int]], rate: int, folder: Path) -> Iterator[None]:
    """Have each process sampled during the block; files `<daemon>.<pid>` are there afterwards.

    Raises BenchmarkError when py-spy may not look into a process.
    """
    children: list[subprocess.Popen[bytes]] = []
    try:
        for daemon, members in pids.items():
            children += [_start(daemon, pid, rate, folder) for pid in members]
        _wait_until_attached(children, folder)
        yield
    finally:
        for child in children:
            child.send_signal(signal.SIGINT)  # it writes its file then
        for child in children:
            try:
                child.wait(END_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _start(daemon: str, pid: int, rate: int, folder: Path) -> subprocess.Popen[bytes]:
    # --gil: threads that hold the lock, so that waiting is not taken for work.
    how = ["--gil", "--function", "--format", "raw", "--rate", str(rate)]
    until = ["--duration", str(SECONDS_AT_MOST), "--output", str(folder / f"{daemon}.{pid}")]
    with (folder / f"{pid}.said").open("wb") as said:
        return subprocess.Popen(
            ["py-spy", "record", *how, *until, "--pid", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def _wait_until_attached(children: list[subprocess.Popen[bytes]], folder: Path) -> None:
    deadline = time.monotonic() + ATTACH_S
    while True:
        said = [path.read_text(errors="replace") for path in folder.glob("*.said")]
        for child in children:
            if child.poll() is not None:
                raise BenchmarkError(f"py-spy ended: {' '.join(said).strip()[-500:]}")
        if all(ATTACHED in one for one in said) or time.monotonic() > deadline:
            return
        time.sleep(0.1)


def workers_of(cloud: Cloud) -> dict[str, list[int]]:
    """Return the processes that py-spy can read, by daemon."""
    found = measuring.pids_by_daemon(cloud)
    return {name: pids for name, pids in found.items() if name not in UNREADABLE}


def read(folder: Path) -> dict[str, Counter[Stack]]:
    """Return the merged stacks of each daemon; files without a sample count as nothing."""
    merged: dict[str, Counter[Stack]] = {}
    for path in sorted(folder.iterdir()):
        daemon, _, pid = path.name.rpartition(".")
        if pid.isdigit():
            merged.setdefault(daemon, Counter()).update(flame.parse_collapsed(path.read_text()))
    return merged


def together(by_daemon: dict[str, Counter[Stack]]) -> Counter[Stack]:
    """Return all stacks in one, each below its daemon's name."""
    return Counter({
        (daemon, *stack): samples
        for daemon, stacks in by_daemon.items()
        for stack, samples in stacks.items()
    })  # fmt: skip


def rows_of(
    by_daemon: dict[str, Counter[Stack]], cpu_ms: dict[str, float], top: int
) -> list[list[object]]:
    """Return the table's rows: each daemon with its CPU ms per boot, its top functions below."""
    rows: list[list[object]] = []
    for daemon in sorted(cpu_ms, key=lambda name: -cpu_ms[name]):
        stacks = by_daemon.get(daemon, Counter())
        total = sum(stacks.values())
        rows.append([daemon, cpu_ms[daemon], total or None])
        rows += [
            [f"  {name}", cpu_ms[daemon] * samples / total, samples]
            for name, samples in flame.own_samples(stacks).most_common(top)
        ]
    return rows


def by_package(by_daemon: dict[str, Counter[Stack]], cpu_ms: dict[str, float]) -> dict[str, float]:
    """Return CPU ms per boot by the package that the time was spent in, the greatest first."""
    found: dict[str, float] = defaultdict(float)
    for daemon, stacks in by_daemon.items():
        total = sum(stacks.values())
        for name, samples in flame.own_samples(stacks).items():
            found[flame.package_of(name)] += cpu_ms.get(daemon, 0.0) * samples / total
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def measure(
    cloud: Cloud, client: ComputeClient, *, boots: int, clients: int, rate: int
) -> tuple[dict[str, Counter[Stack]], Took, Took]:
    """Boot twice: without py-spy for the CPU time, and with it for the stacks.

    Returns the stacks by daemon, and what both took.
    """
    say("warming up")
    boot_with(client, None, clients, clients * 2)
    say(f"{boots} boots without py-spy")
    plain = boot_with(client, cloud, clients, boots)
    with tempfile.TemporaryDirectory(prefix="devstack-lite-profile-") as folder:
        say(f"{boots} boots with it")
        with sampled(workers_of(cloud), rate, Path(folder)):
            slowed = boot_with(client, cloud, clients, boots)
        return read(Path(folder)), plain.took, slowed.took


def main() -> None:
    parser = own_cloud.parser_of("profile", SUMMARY)
    parser.add_argument("--boots", type=int, default=200, help="while it is sampled [200]")
    parser.add_argument("--clients", type=int, default=10, help="that boot at a time [10]")
    parser.add_argument("--rate", type=int, default=100, help="samples per second [100]")
    parser.add_argument("--top", type=int, default=6, help="functions per daemon [6]")
    parser.add_argument(
        "--svg", type=Path, default=Path("out/boot.svg"), metavar="FILE", help="[%(default)s]"
    )
    wanted = parser.parse_args()
    if shutil.which("py-spy") is None:
        sys.exit(MISSING)
    record: dict[str, Any] = {"machine": measuring.machine()}
    try:
        with (
            own_cloud.cloud_of(wanted) as cloud,
            client_of(cloud_files.credentials(cloud), f"bench{getpid()}") as client,
        ):
            by_daemon, plain, slowed = measure(
                cloud, client, boots=wanted.boots, clients=wanted.clients, rate=wanted.rate
            )
    except BenchmarkError as error:
        sys.exit(str(error))
    cpu_ms = plain.cpu_ms_per(wanted.boots)
    rows = rows_of(by_daemon, cpu_ms, wanted.top)
    print(measuring.table(["function, without what it calls", "CPU ms per boot", "samples"], rows))
    packages = by_package(by_daemon, cpu_ms)
    shown = list(packages.items())[:PACKAGES]
    print(f"\n{measuring.table(['package, without what it calls', 'CPU ms per boot'], shown)}")
    print(f"\npy-spy made the boots take {slowed.wall_s / plain.wall_s:.1f} times as long.")
    title = f"{wanted.boots} boots by {wanted.clients} clients: samples with the interpreter's lock"
    wanted.svg.parent.mkdir(parents=True, exist_ok=True)
    wanted.svg.write_text(flame.svg(together(by_daemon), title))
    print(f"The flame graph is {wanted.svg}.")
    record |= {
        "cpu_ms_per_boot": cpu_ms,
        "own_samples": {name: flame.own_samples(one) for name, one in by_daemon.items()},
        "cpu_ms_per_boot_by_package": packages,
        "slowed_by": slowed.wall_s / plain.wall_s,
    }
    measuring.finish(record, wanted.json)


if __name__ == "__main__":
    main()
