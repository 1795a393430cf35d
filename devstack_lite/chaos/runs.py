"""One run of the monkey from its beginning to its end: plan, load and faults, settle, look, judge.

Everything of a run is in `<state>/chaos/<time>/`: history.jsonl, report.json and report.html.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devstack_lite import cloud_files
from devstack_lite.chaos import judge, observe, report
from devstack_lite.chaos.history import History
from devstack_lite.chaos.load import Load, find_sizes
from devstack_lite.chaos.monkey import Monkey, Said
from devstack_lite.chaos.plan import Plan, Settings, make_plan
from devstack_lite.cli.session import Session
from devstack_lite.cloud import Cloud, CloudError

SETTLE_S = 60.0
"""A lost message is noticed after 10 s, a lost worker after 15; a daemon that died often waits 15
for its start. Whatever takes longer than all of that is stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run ends with."""

    judgement: judge.Judgement
    folder: Path


def folder_of(cloud: Cloud) -> Path:
    """Return where the record of a run that begins now goes."""
    base = cloud.state_dir / "chaos" / time.strftime("%Y-%m-%dT%H-%M-%S")
    folder, count = base, 1
    while folder.exists():
        count += 1
        folder = base.with_name(f"{base.name}-{count}")
    return folder


def run_monkey(
    cloud: Cloud,
    settings: Settings,
    *,
    say: Said,
    step: Callable[[str], None],
    keep: bool = False,
) -> Result:
    """Run the monkey on a cloud that is up. say: a line per fault; step: what goes on now.

    keep leaves the servers there. Raises CloudError when the cloud does not serve at the start.
    """
    missing = observe.not_up(cloud)
    if missing:
        raise CloudError(f"{cloud.name} does not serve: {', '.join(missing)}.")
    plan = make_plan(settings)
    history = History(folder_of(cloud))
    credentials = cloud_files.credentials(cloud)
    sizes = find_sizes(Session(credentials))
    prefix = f"monkey-{time.time_ns() // 1_000_000:x}"
    _note_header(history, cloud, settings, plan)
    load = Load(credentials, history, prefix=prefix, sizes=sizes)
    try:
        step("faults and load")
        Monkey(cloud, load, history, say).run(plan)
        step("everything to settle")
        observe.settle(cloud, load, history, SETTLE_S)
        observe.look(cloud, load, history)
        step("the invariants")
        observe.check(cloud, history)
        if not keep:
            step("the servers to be deleted")
            observe.clean(cloud, load, history)
    finally:
        load.close()
    return finish(history)


def finish(history: History) -> Result:
    """Judge a history, note the verdict, and write the reports beside it."""
    judgement = judge.judge(history.events())
    history.add("verdict", verdict=judgement.verdict, findings=len(judgement.findings))
    history.close()
    if history.folder is None:
        raise ValueError("a history without a folder has no reports")
    report.write(history.folder, history.events(), judgement)
    return Result(judgement=judgement, folder=history.folder)


def _note_header(history: History, cloud: Cloud, settings: Settings, plan: Plan) -> None:
    history.add(
        "header",
        cloud=cloud.name,
        profile=cloud.profile,
        hosts=len(cloud.hosts),
        workers=dict(cloud.workers),
        started_at=time.time(),
        settings=dataclasses.asdict(settings),
        plan=plan.digest,
        faults=len(plan.faults),
        operations=len(plan.operations),
    )
