"""Measures `devstack-lite up`: seconds until a boot would work, and the idle cloud's memory.

Brings clouds of its own up in a temporary folder, on ports of their own, and wipes each:

- cold: fresh state, and a RabbitMQ node of the cloud's own that starts from nothing;
- warm: fresh state, `--broker URL` of a node that is up;
- floor: that node alone, from its start to its first AMQP answer. No cold start can be quicker.

The three take turns, so that a change of the machine's load meets all of them. Seconds are those a
person waits: from the start of the command to its end, the interpreter's start included. After
each `up` an instance is booted, for the promise is that this works.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks import memory
from benchmarks.measuring import machine
from devstack_lite import cloud as clouds
from devstack_lite.broker import choose, local
from devstack_lite.cloud import Broker

SUMMARY = "Measure the seconds until a boot would work, and the idle cloud's memory."
PROMISED_COLD_S = 10.0
PROMISED_WARM_S = 4.0
PROMISED_MIB = 900.0
COMMAND_TIMEOUT_S = 120.0
_PHASE = re.compile(r"ok (.+?) +([0-9.]+) s$")

Seconds = dict[str, list[float]]


def run_command(*arguments: str) -> tuple[float, str]:
    """Run devstack-lite; return its seconds and what it said on its way (stderr).

    Ends the benchmark with the command's own words when it fails.
    """
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "devstack_lite.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_TIMEOUT_S,
    )
    took_s = time.monotonic() - began
    if done.returncode != 0:
        sys.exit(f"devstack-lite {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return took_s, done.stderr


@contextlib.contextmanager
def node(folder: Path) -> Iterator[tuple[Broker, float]]:
    """Run a RabbitMQ node; yield it with the seconds that it took to answer."""
    name = f"bench-{os.getpid()}-node"
    broker = choose.choose("local", name)
    runner = local.LocalBroker(broker, name, folder)
    began = time.monotonic()
    try:
        runner.start()
        if not local.wait_until_ready(runner, 60.0):
            sys.exit(f"RabbitMQ does not start:\n{runner.last_words()}")
        yield broker, time.monotonic() - began
    finally:
        runner.stop(15.0)


def url_of(broker: Broker) -> str:
    """Return the URL that `up --broker` takes."""
    login = f"{broker.user}:{broker.password}"
    return f"amqp://{login}@{broker.host}:{broker.port}/{broker.vhost}"


def measure_up(kind: str, broker: str, seconds: Seconds, settle_s: float) -> list[memory.Part]:
    """Bring a cloud up, boot an instance, measure its memory when settle_s is not 0, wipe it."""
    name = f"bench-{os.getpid()}"
    parts: list[memory.Part] = []
    try:
        took_s, said = run_command("up", "--name", name, "--broker", broker)
        seconds[kind].append(took_s)
        for line in said.splitlines():
            phase = _PHASE.search(line.strip())
            if phase:
                seconds[f"{kind}: {phase[1]}"].append(float(phase[2]))
        if settle_s:
            time.sleep(settle_s)
            parts = memory.measure(clouds.find(name))
        seconds[f"boot after {kind}"].append(run_command("boot", "vm", "--name", name)[0])
    finally:
        down_s, _ = run_command("down", "--wipe", "--name", name)
    seconds[f"down after {kind}"].append(down_s)
    return parts


def measure(runs: int, settle_s: float) -> tuple[Seconds, list[memory.Part]]:
    """Return the seconds by what was measured, and the memory of the first cold cloud."""
    seconds: Seconds = defaultdict(list)
    parts: list[memory.Part] = []
    with tempfile.TemporaryDirectory(prefix="devstack-lite-bench-") as folder:
        os.environ["DEVSTACK_LITE_HOME"] = folder
        for run in range(runs):
            print(f"run {run + 1} of {runs}", file=sys.stderr)
            parts += measure_up("cold", "local", seconds, 0.0 if parts else settle_s)
            with node(Path(folder) / f"node-{run}") as (broker, took_s):
                seconds["floor: the node alone"].append(took_s)
                measure_up("warm", url_of(broker), seconds, 0.0)
    return seconds, parts


def print_report(seconds: Seconds, parts: list[memory.Part]) -> None:
    """Print the two tables, and each figure beside what is promised."""
    print(f"{'seconds':<32} {'median':>7} {'least':>7} {'most':>7}")
    for what, values in seconds.items():
        middle = statistics.median(values)
        print(f"{what:<32} {middle:>7.2f} {min(values):>7.2f} {max(values):>7.2f}")
    print(f"\nidle\n{memory.table(parts)}\n")
    for what, measured, promised, unit in (
        ("cold", statistics.median(seconds["cold"]), PROMISED_COLD_S, "s"),
        ("warm", statistics.median(seconds["warm"]), PROMISED_WARM_S, "s"),
        ("idle", memory.total_mib(parts), PROMISED_MIB, "MiB"),
    ):
        verdict = "kept" if measured <= promised else "NOT KEPT"
        print(f"{what:<5} {measured:>6.1f} {unit:<4} of {promised:>4.0f}: {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.up", description=SUMMARY)
    parser.add_argument("--runs", type=int, default=5, help="of each kind [5]")
    parser.add_argument(
        "--settle", type=float, default=10.0, help="seconds idle before memory is measured [10]"
    )
    parser.add_argument(
        "--json", "--out", dest="out", type=Path, default=Path("out/up.json"), help="[out/up.json]"
    )
    wanted = parser.parse_args()
    about = machine()
    seconds, parts = measure(wanted.runs, wanted.settle)
    print_report(seconds, parts)
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    record = {"machine": about, "seconds": seconds, "memory": memory.as_json(parts)}
    wanted.out.write_text(json.dumps(record, indent=2) + "\n")
    print(f"\nAll figures are in {wanted.out}.")


if __name__ == "__main__":
    main()
