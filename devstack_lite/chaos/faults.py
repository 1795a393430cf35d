"""What can be done to a cloud: kill, pause, restart its broker, crash a host, cut its power.

Each function acts once, at once, and returns what it hit; `wait_until_back` waits for what takes
its place. Nothing here says how the cloud takes it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from devstack_lite import failpoints, holds, reaper
from devstack_lite.broker import probe
from devstack_lite.broker.local import LocalBroker
from devstack_lite.chaos import targets
from devstack_lite.chaos.points import Points
from devstack_lite.chaos.targets import Target
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.failpoints import Action, Failpoint
from devstack_lite.names import node_names
from devstack_lite.roster import DaemonState

LOOK_S = 0.02
SIGNAL_S = 2.0
"""What the kernel may take to act on a signal: a busy machine needs some milliseconds."""


def kill(found: Sequence[Target], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to each process, in the order given."""
    for target in found:
        target.ref.send(number)


def stop(found: Sequence[Target]) -> None:
    """Stop processes where they are; return when they are stopped, which the kernel may delay."""
    kill(found, signal.SIGSTOP)
    _wait_for(found, is_stopped=True)


def resume(found: Sequence[Target]) -> list[Target]:
    """Let stopped processes go on; return those that were stopped."""
    stopped = [target for target in found if targets.is_stopped(target.ref)]
    kill(stopped, signal.SIGCONT)
    _wait_for(stopped, is_stopped=False)
    return stopped


def _wait_for(found: Sequence[Target], *, is_stopped: bool) -> None:
    deadline = time.monotonic() + SIGNAL_S
    while time.monotonic() < deadline and any(
        target.ref.is_alive() and targets.is_stopped(target.ref) != is_stopped for target in found
    ):
        time.sleep(LOOK_S)


def pause(found: Sequence[Target], seconds: float) -> None:
    """Stop processes, and let them go on after so many seconds, even when interrupted."""
    stop(found)
    try:
        time.sleep(seconds)
    finally:
        kill(found, signal.SIGCONT)


def host_process(cloud: Cloud, host: str) -> str:
    """Return the name of a host's daemon. Raises CloudError when there is no such host."""
    if host not in cloud.hosts:
        raise CloudError(f"{cloud.name} has no host {host}; it has {', '.join(cloud.hosts)}.")
    return f"compute-{host}"


def crash_host(cloud: Cloud, host: str) -> list[Target]:
    """Kill a host's whole daemon; its guests run on, and the supervisor starts it again."""
    name = host_process(cloud, host)
    found = [*targets.launchers(cloud, name), *targets.workers(cloud, name)]
    entry = targets.roster_of(cloud).daemons[name]
    reaper.kill_sessions([entry.ref])
    return found


def power_off(cloud: Cloud, host: str) -> list[str]:
    """Cut a host's power: daemon and guests die, and it stays off until power_on.

    Returns the uuids of the guests that ran.
    """
    holds.hold(cloud.state_dir, host_process(cloud, host))
    crash_host(cloud, host)
    return destroy_guests(cloud, host)


def power_on(cloud: Cloud, host: str) -> bool:
    """Give a host its power back; say whether it was off. Its guests stay as they are."""
    return holds.release(cloud.state_dir, host_process(cloud, host))


@contextmanager
def partitioned(cloud: Cloud, host: str, seconds: float) -> Iterator[list[int]]:
    """Cut a host off the broker and the REST services for the block, seconds at most.

    Yields the pids of the workers that could not be told. Guests and the other hosts notice
    nothing; a worker that is started meanwhile is cut off, too.
    """
    host_process(cloud, host)
    wanted = Failpoint(
        id="", point=failpoints.NETWORK, action=Action.CUT, host=host, service="compute",
        expires_at=time.time() + seconds,
    )  # fmt: skip
    with closing(Points(cloud)) as points:
        made, late = points.arm(wanted)
        try:
            yield late
        finally:
            points.disarm(made.id)


def destroy_guests(cloud: Cloud, host: str) -> list[str]:
    """Have every guest of a host's simulated hypervisor stop at once; return their uuids."""
    from fake_hypervisor import libvirt
    from fake_hypervisor.uri import make_uri

    store = cloud.state_dir / "hypervisor" / host
    ended = []
    for node in node_names(host, cloud.nodes_per_host):
        connection = libvirt.open(make_uri(store, node, profile="instant"))
        for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
            domain.destroy()
            ended.append(domain.UUIDString())
        connection.close()
    return ended


def restart_broker(cloud: Cloud, number: signal.Signals = signal.SIGKILL) -> Target:
    """End the cloud's own broker; the supervisor starts it again. What was in its queues is lost.

    Raises CloudError when the broker is a container or somebody else's.
    """
    found = targets.broker(cloud)
    kill([found], number)
    return found


def cut_connections(cloud: Cloud) -> None:
    """Have the cloud's own broker close all its connections; what is in its queues stays.

    Raises CloudError when the broker is a container or somebody else's, or does not run.
    """
    targets.broker(cloud)
    LocalBroker(cloud.broker, cloud.name, cloud.state_dir).close_connections()


def is_back(cloud: Cloud, target: Target) -> bool:
    """Say whether another process has the place of one that was ended."""
    if target.role == targets.BROKER:
        own = cloud.broker
        fresh = any(one != target.ref for one in targets.roster_of(cloud).broker[:1])
        return fresh and not target.ref.is_alive() and probe.answers(own.host, own.port)
    if target.worker is None:
        entry = targets.roster_of(cloud).daemons[target.process]
        return entry.ref != target.ref and entry.state is DaemonState.RUNNING
    successors = targets.workers(cloud, target.process, target.worker)
    return any(one.ref != target.ref for one in successors)


def wait_until_back(cloud: Cloud, target: Target, timeout_s: float) -> float | None:
    """Wait for the successor of an ended process; return the seconds it took, None when too long.

    A worker's successor is there when it is forked; it serves some tenths of a second later.
    """
    began = time.monotonic()
    while time.monotonic() < began + timeout_s:
        if is_back(cloud, target):
            return time.monotonic() - began
        time.sleep(LOOK_S)
    return None
