"""Measures RPC over the cloud's broker: calls and casts per second, and the CPU time of each.

The server is a child process with the project's own rpc package, one queue, and the options of the
cloud's daemons; the client is this process. A cast is over when the server has handled it. The CPU
time of the broker holds what the idle cloud sends through it meanwhile.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import measuring, own_cloud
from benchmarks.client import BenchmarkError, in_threads
from benchmarks.measuring import CLIENT, say
from devstack_lite import launcher
from devstack_lite.cloud import Cloud

launcher.use_threads()  # before oslo.messaging is imported

from devstack_lite.context import RequestContext, service_context  # noqa: E402
from devstack_lite.exceptions import Unavailable  # noqa: E402
from devstack_lite.rpc.client import RpcClient, declare  # noqa: E402
from devstack_lite.rpc.server import RpcServer  # noqa: E402
from devstack_lite.rpc.transport import get_transport  # noqa: E402

SUMMARY = "Measure RPC calls and casts over the cloud's broker, and the CPU time of each."
READY_S = 30.0
SERVER = "server"
WARM_UP = 100
KINDS = ("call", "cast")


class EchoAPI(RpcClient):
    """What the server in the child process is asked."""

    def __init__(self, transport: Any, topic: str) -> None:
        self.TOPIC = topic
        super().__init__(transport)

    @declare("call", timeout_s=30, is_idempotent=True)
    def say(self, context: RequestContext, *, text: str) -> str:
        """Return text."""
        return str(self.invoke(context, self.say, text=text))

    @declare("cast", is_idempotent=True)
    def hear(self, context: RequestContext, *, text: str) -> None:
        """Count it."""
        self.invoke(context, self.hear, text=text)

    @declare("call", timeout_s=30, is_idempotent=True)
    def heard(self, context: RequestContext) -> int:
        """Return how many casts were handled."""
        return int(self.invoke(context, self.heard))


class Echo:
    """Serves EchoAPI."""

    def __init__(self) -> None:
        self._heard = 0
        self._lock = threading.Lock()

    def say(self, context: RequestContext, text: str) -> str:
        """Return text."""
        return text

    def hear(self, context: RequestContext, text: str) -> None:
        """Count it."""
        with self._lock:
            self._heard += 1

    def heard(self, context: RequestContext) -> int:
        """Return how many casts were handled."""
        return self._heard


def connect(config_file: Path) -> Any:
    """Return a transport with the options of one of the cloud's daemons."""
    from oslo_config import cfg

    # The library looks for some of its options on the global configuration alone.
    cfg.CONF([], project="devstack-lite", default_config_files=[str(config_file)])
    return get_transport(cfg.CONF)


def serve(config_file: Path, topic: str, threads: int, pipe: Any) -> None:
    """Be the server until the other end of the pipe is closed."""
    server = RpcServer(
        connect(config_file), topic=topic, server="benchmark", endpoints=[Echo()], threads=threads
    )
    server.start()
    pipe.send("ready")
    try:
        pipe.recv()
    except (EOFError, OSError, KeyboardInterrupt):
        server.stop(1.0)
        os._exit(0)  # the library's listener would look for its end only seconds later


@contextmanager
def server_of(config_file: Path, topic: str, threads: int) -> Iterator[int]:
    """Run the server in a child; yield its pid. Raises BenchmarkError when it does not start."""
    here, there = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    child = spawn.Process(target=serve, args=(config_file, topic, threads, there), daemon=True)
    child.start()
    there.close()
    try:
        if not here.poll(READY_S) or child.pid is None:
            raise BenchmarkError("The RPC server does not start.")
        here.recv()
        yield child.pid
    finally:
        here.close()
        child.join(5.0)
        child.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """So many messages of a kind from so many threads."""

    per_s: float
    ms: dict[str, float]
    """Of each: for a cast, until the broker has it."""
    cpu_ms: dict[str, float]
    """Per message: of client, server and broker."""


def measure(
    api: EchoAPI, pid: int, cloud: Cloud, *, kind: str, threads: int, messages: int, text: str
) -> Round:
    """Send the messages; return when all were handled."""
    context = service_context()
    send = api.say if kind == "call" else api.hear
    expected = api.heard(context) + (messages if kind == "cast" else 0)

    def one(_number: int) -> float:
        began = time.perf_counter()
        send(context, text=text)
        return (time.perf_counter() - began) * 1000

    with measuring.clock(cloud) as took:
        before = measuring.process_cpu_s([pid])
        taken_ms = in_threads(threads, list(range(messages)), one)
        while api.heard(context) < expected:
            time.sleep(0.01)
        after = measuring.process_cpu_s([pid])
    spent = {**took.cpu_ms_per(messages), SERVER: (after[pid] - before[pid]) * 1000 / messages}
    return Round(
        per_s=messages / took.wall_s,
        ms=measuring.spread(taken_ms),
        cpu_ms={name: spent.get(name, 0.0) for name in (CLIENT, SERVER, "broker")},
    )


def measure_all(cloud: Cloud, wanted: argparse.Namespace) -> dict[str, list[Round]]:
    """Return the rounds by kind and threads, which took turns; the first of each is a warm-up."""
    config_file, topic = cloud.etc_dir / "scheduler.conf", f"benchmark-{os.getpid()}"
    rounds: dict[str, list[Round]] = {}
    with server_of(config_file, topic, wanted.server_threads) as pid:
        transport = connect(config_file)
        api = EchoAPI(transport, topic)
        for number in range(wanted.runs + 1):
            say(f"run {number} of {wanted.runs}" if number else "warming up")
            for kind in KINDS:
                for threads in (1, wanted.threads):
                    found = measure(
                        api, pid, cloud, kind=kind, threads=threads,
                        messages=wanted.messages if number else WARM_UP, text="x" * wanted.bytes,
                    )  # fmt: skip
                    if number:
                        rounds.setdefault(
                            f"{kind}, {threads} thread{'s' if threads > 1 else ''}", []
                        ).append(found)
        transport.cleanup()
    return rounds


def main() -> None:
    parser = own_cloud.parser_of("rpc", SUMMARY)
    parser.add_argument("--messages", type=int, default=2000, help="of each kind in a run [2000]")
    parser.add_argument("--bytes", type=int, default=500, help="of text in a message [500]")
    parser.add_argument("--threads", type=int, default=8, help="beside one, of the client [8]")
    parser.add_argument("--server-threads", type=int, default=8, help="[8]")
    parser.add_argument("--runs", type=int, default=3, help="[3]")
    wanted = parser.parse_args()
    record: dict[str, Any] = {"machine": measuring.machine()}
    try:
        with own_cloud.cloud_of(wanted) as cloud:
            rounds = measure_all(cloud, wanted)
    except (BenchmarkError, Unavailable) as error:
        sys.exit(str(error))
    rows = []
    for name, found in rounds.items():
        rate = measuring.spread([one.per_s for one in found])
        ms = measuring.medians([one.ms for one in found])
        cpu_ms = measuring.medians([one.cpu_ms for one in found])
        record[name] = {"per_s": rate, "ms": ms, "cpu_ms": cpu_ms}
        rows.append([
            name, rate["median"], rate["least"], rate["most"], ms["median"], ms["p99"],
            *cpu_ms.values(), sum(cpu_ms.values()),
        ])  # fmt: skip
    head = ["", "per s", "least", "most", "p50 ms", "p99 ms", "CPU ms: client", "server", "broker"]
    print(measuring.table([*head, "sum"], rows))
    measuring.finish(record, wanted.json)


if __name__ == "__main__":
    main()
