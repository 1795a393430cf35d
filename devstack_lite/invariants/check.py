"""Looks at a cloud, more than once where it must, and says whether the invariants hold."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from devstack_lite.cloud import Cloud
from devstack_lite.exceptions import DevstackError
from devstack_lite.invariants.collect import take_snapshot
from devstack_lite.invariants.rules import Violation, find_violations
from devstack_lite.invariants.snapshot import Snapshot
from devstack_lite.invariants.verdict import Verdict

LOOKS = 3
BETWEEN_S = 0.5
"""Database and hypervisors are read one after the other: what straddles a change does not last."""
HOSTS_LOOK_WITHIN_S = 75.0
"""Every host has compared its domains with its instances by then ([compute] check_s), and removed
what somebody left there who was overtaken or died."""


LEFT_BEHIND = {"domain-owner", "one-domain"}
"""Rules that a domain violates which a dead worker left, until its host has looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check found. snapshot is the last one taken, None when there is none."""

    violations: tuple[Violation, ...]
    unread: tuple[str, ...]
    snapshot: Snapshot | None = None

    @property
    def verdict(self) -> Verdict:
        """INVALID when something is violated, else UNKNOWN when something was not read."""
        if self.violations:
            return Verdict.INVALID
        return Verdict.UNKNOWN if self.unread else Verdict.VALID


def check_cloud(cloud: Cloud, *, bound_s: float, down_after_s: float) -> Report:
    """Check the cloud; what violates an invariant does so in LOOKS snapshots in a row."""
    lasting: dict[tuple[str, tuple[str, ...]], Violation] = {}
    for look in range(LOOKS):
        if look:
            time.sleep(BETWEEN_S)
        try:
            snapshot = take_snapshot(cloud, down_after_s=down_after_s)
        except DevstackError as error:
            return Report(violations=(), unread=(str(error),))
        found = {(one.rule, one.ids): one for one in find_violations(snapshot, bound_s=bound_s)}
        lasting = {key: one for key, one in found.items() if not look or key in lasting}
        if not lasting:
            break
    return Report(violations=tuple(lasting.values()), unread=snapshot.unread, snapshot=snapshot)


def check_settled(cloud: Cloud, *, bound_s: float, down_after_s: float, wait_s: float) -> Report:
    """Check the cloud, for wait_s seconds at most until nothing is on its way to be right."""
    began = time.monotonic()
    report = check_cloud(cloud, bound_s=bound_s, down_after_s=down_after_s)
    while time.monotonic() - began < min(wait_s, settles_within(report)):
        report = check_cloud(cloud, bound_s=bound_s, down_after_s=down_after_s)
    return report


def settles_within(report: Report) -> float:
    """Return for how many seconds in all what a report shows may be on its way to be right."""
    if report.snapshot is None:
        return 0.0
    if any(one.task_state is not None for one in report.snapshot.instances):
        return math.inf
    if any(one.rule in LEFT_BEHIND for one in report.violations):
        return HOSTS_LOOK_WITHIN_S
    return 0.0
