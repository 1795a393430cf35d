"""`devstack-lite up`: from nothing to a cloud in which a boot would work."""

from __future__ import annotations

import signal
import subprocess
import time

import click

from devstack_lite import cloud as clouds
from devstack_lite import cloud_files, control, planning, processes, roster
from devstack_lite.cli import debugging, terminal
from devstack_lite.cli.complaints import Complaints
from devstack_lite.cli.readiness import Readiness
from devstack_lite.cloud import Cloud, CloudError
from devstack_lite.forking import tail
from devstack_lite.roster import Phase, Roster

READY_TIMEOUT_S = 60.0
POLL_S = 0.05


def _parse_workers(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, int] | None:
    workers: dict[str, int] = {}
    for value in ",".join(values).split(",") if values else ():
        daemon, _, number = value.rpartition("=")
        known = (*processes.DAEMONS, "metadata")
        if not number.isdigit() or int(number) < 1 or daemon not in ("", *known):
            raise click.BadParameter(
                f"{value!r} is neither N nor DAEMON=N, with one of {', '.join(known)}."
            )
        workers |= dict.fromkeys([daemon] if daemon else known, int(number))
    return workers or None


@click.command()
@terminal.name_option
@click.option("--hosts", type=click.IntRange(1, 1000), help="Compute hosts.  [default: 3]")
@click.option(
    "--nodes-per-host",
    type=click.IntRange(1, 100_000),
    help="Hypervisor nodes that each compute host simulates.  [default: 1]",
)
@click.option(
    "--workers",
    metavar="[DAEMON=]N",
    multiple=True,
    callback=_parse_workers,
    help="Workers of each daemon, or of one; repeatable.  [default: api and conductor 2, else 1]",
)
@click.option(
    "--broker",
    metavar="auto|docker|local|URL",
    help="The RabbitMQ: in a container, a node of the cloud's own, or one at an amqp:// URL. auto"
    " is docker where an engine answers, else local.  [default: auto]",
)
@click.option("--database", metavar="URL", help="PostgreSQL or MariaDB instead of SQLite.")
@click.option(
    "--port-base",
    type=click.IntRange(1024, 65526),
    help="Take the ports P to P+9: P identity, P+1 compute API, P+2 volume, P+3 image, P+4 network,"
    " P+5 placement, P+6 metadata; the rest is kept.  [default: the standard ones; for another"
    " --name a free block]",
)
@click.option("--profile", help="Stage profile of the simulated hypervisor.  [default: instant]")
@click.option(
    "--semantics",
    type=click.Choice(["durable", "nova"]),
    help="nova: messages are trusted, and what dies with a worker is lost.  [default: durable]",
)
@click.option("--foreground", is_flag=True, help="Stay, show the log, and go down with Ctrl-C.")
@click.option(
    "--debug",
    metavar="DAEMON",
    help="Then run one daemon at this terminal, as one process, where pdb or an IDE can stop it;"
    " the rest of the cloud runs as usual. Also of a cloud that is up.",
)
@click.option(
    "--debugger",
    metavar="MODULE",
    help="What Python runs it by, with its options, such as 'debugpy --listen 5678'.",
)
def up(
    name: str,
    hosts: int | None,
    nodes_per_host: int | None,
    workers: dict[str, int] | None,
    broker: str | None,
    database: str | None,
    port_base: int | None,
    profile: str | None,
    semantics: str | None,
    foreground: bool,
    debug: str | None,
    debugger: str | None,
) -> None:
    """Start a cloud, and return when a boot would work.

    A cloud that was there before comes back as it was, with its instances; what is given here
    replaces what it had.
    """
    if debug is None and debugger is not None:
        raise click.UsageError("--debugger is about the daemon that --debug names.")
    if debug is not None and foreground:
        raise click.UsageError("--debug and --foreground both want the terminal.")
    wishes = planning.Wishes(
        name=name,
        hosts=hosts,
        nodes_per_host=nodes_per_host,
        workers=workers,
        broker=broker,
        database=database,
        port_base=port_base,
        profile=profile,
        semantics=semantics,
    )
    state_dir = clouds.state_dir_of(name)
    before = clouds.load(state_dir)
    if before is not None and control.running(before) is not None:
        if debug is not None:
            debugging.debug(before, debugging.choose(before, debug), debugger)
            return
        click.echo(
            f"{name} is up already, with {len(before.hosts)} hosts; for another shape of it:"
            " `devstack-lite down` first."
        )
        return
    with control.only_one(state_dir, name):
        try:
            cloud = _prepare(wishes, before)
            chosen = debugging.choose(cloud, debug) if debug is not None else None
            supervisor = _start(cloud)
        except BaseException:
            if before is not None:
                before.save()  # what was wished for did not work: the next `up` is as before
            else:
                control.forget(state_dir)
            raise
    if foreground:
        _stay(cloud, supervisor)
    elif chosen is not None:
        debugging.debug(cloud, chosen, debugger)


def _prepare(wishes: planning.Wishes, before: Cloud | None) -> Cloud:
    if before is not None:
        control.stop(before)  # what a supervisor that was killed left behind
    cloud = planning.plan(wishes)
    cloud.save()
    cloud_files.write_all(cloud)
    return cloud


def _start(cloud: Cloud) -> subprocess.Popen[bytes]:
    console = terminal.err()
    console.print(f"Starting {cloud.name}: {len(processes.of(cloud))} daemons")
    complaints = Complaints(cloud)
    supervisor = control.start_supervisor(cloud)
    try:
        with terminal.Progress(console) as progress:
            _wait_until_ready(cloud, supervisor, progress)
            progress.done()
    except BaseException:
        control.stop(cloud)
        raise
    for line in complaints.new():
        click.echo(line, err=True)
    _print_summary(cloud, progress.elapsed_s)
    return supervisor


def _wait_until_ready(
    cloud: Cloud, supervisor: subprocess.Popen[bytes], progress: terminal.Progress
) -> None:
    """Wait for the supervisor, then for the cloud. Raises CloudError when that is in vain."""
    readiness = Readiness(cloud)
    deadline: float | None = None
    while True:
        found = roster.read(cloud.state_dir)
        _require_health(cloud, supervisor, found)
        if found is None or found.phase is Phase.STARTING:
            progress.show(found.waiting_for if found and found.waiting_for else "the supervisor")
        else:
            deadline = deadline or time.monotonic() + READY_TIMEOUT_S
            missing = readiness.missing()
            if not missing:
                return
            progress.show("the services", ", ".join(missing))
            if time.monotonic() > deadline:
                raise CloudError(
                    f"{cloud.name} is not ready after {READY_TIMEOUT_S:.0f} s: still waiting for"
                    f" {', '.join(missing)}.\n{_last_words(cloud, missing[0])}"
                )
        time.sleep(POLL_S)


def _require_health(
    cloud: Cloud, supervisor: subprocess.Popen[bytes], found: Roster | None
) -> None:
    if found is not None:
        if found.error is not None:
            raise CloudError(_shorten(found.error))
        for name, entry in found.daemons.items():
            if entry.last_exit is not None:
                raise CloudError(
                    f"{name} died at its start ({entry.last_exit}).\n{_last_words(cloud, name)}"
                )
    if supervisor.poll() is not None:
        words = tail(cloud.log_dir / "supervisor.out")
        raise CloudError(_shorten(f"The supervisor ended at its start.\n{words}"))


def _last_words(cloud: Cloud, name: str) -> str:
    printed = tail(cloud.log_dir / f"{name}.out", 8)
    return _shorten(printed or tail(cloud.log_dir / f"{name}.log", 8))


def _shorten(text: str, width: int = 300) -> str:
    return "\n".join(line[:width] for line in text.splitlines())


def _print_summary(cloud: Cloud, elapsed_s: float) -> None:
    console = terminal.out()
    again = "" if cloud.name == clouds.DEFAULT_NAME else f" --name {cloud.name}"
    facts = {
        **cloud.endpoints,
        "metadata": cloud.metadata_url,
        "hosts": f"{len(cloud.hosts)}, with {cloud.nodes_per_host} node(s) each",
        "state": str(cloud.state_dir),
    }
    lines = [
        f"[bold green]{cloud.name} is up[/] after {elapsed_s:.1f} s",
        *(f"  {key:<9} {value}" for key, value in facts.items()),
        "What next:",
        f"  devstack-lite boot vm1{again}",
        f"  devstack-lite trace --last{again}",
        f'  eval "$(devstack-lite env{again})"; openstack server list',
    ]
    for line in lines:
        console.print(line, soft_wrap=True)


def _stay(cloud: Cloud, supervisor: subprocess.Popen[bytes]) -> None:
    """Show the combined log until Ctrl-C or the supervisor's end, then go down."""
    from devstack_lite.cli import logs

    console = terminal.err()
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        places = logs.ends([cloud.combined_log])
        console.print("Ctrl-C ends it.")
        for line in logs.follow(places, is_over=lambda: supervisor.poll() is not None):
            logs.print_line(line)
        raise CloudError(f"The supervisor of {cloud.name} ended: see {cloud.log_dir}.")
    except KeyboardInterrupt:
        console.print(f"Stopping {cloud.name}")
    finally:
        control.stop(cloud)
        console.print(f"{cloud.name} is down.")
