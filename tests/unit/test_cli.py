"""The command line without a cloud: help, messages, exit codes, and what is drawn."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from devstack_lite import cloud_files, planning
from devstack_lite.cli import boot, logs, session, trace, up
from devstack_lite.cli.main import _COMMANDS, cli
from devstack_lite.planning import Wishes


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEVSTACK_LITE_HOME", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="devstack-lite")


@pytest.fixture
def recorded() -> planning.Cloud:
    cloud = planning.plan(Wishes(name="one", broker="amqp://u:p@127.0.0.1:1/v"))
    cloud.save()
    cloud_files.write_all(cloud)
    return cloud


@pytest.mark.parametrize("command", sorted(_COMMANDS))
def test_every_command_has_help(command: str) -> None:
    """--help works everywhere and begins with the usage."""
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: devstack-lite {command}")


def test_help_imports_no_command() -> None:
    """--help stays quick: neither rich nor a command's module is loaded for it."""
    code = (
        "import sys; from devstack_lite.cli.main import cli\n"
        "try: cli(['--help'])\n"
        "except SystemExit: print([m for m in sys.modules if m.split('.')[0] in"
        " ('rich', 'oslo_config', 'psutil') or m.startswith('devstack_lite.cli.u')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command", ["status", "logs", "env", "trace --last", "boot vm", "restart api"]
)
def test_without_a_cloud_one_sentence_says_so(command: str) -> None:
    """The sentence is on stderr, the exit code 1."""
    result = run(*command.split())
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: There is no cloud named devstack; start one with `devstack-lite up`.\n"
    )


def test_down_of_nothing_is_fine() -> None:
    """What is not there is down."""
    result = run("down", "--wipe")
    assert (result.exit_code, result.output) == (0, "devstack is not there: nothing to stop.\n")


def test_down_removes_the_logs_of_what_did_not_start(home: Path) -> None:
    """And nothing that it does not know."""
    for folder in ("logs", "other"):
        (home / "one" / folder).mkdir(parents=True, exist_ok=True)
    (home / "two" / "logs").mkdir(parents=True)
    for name in ("one", "two"):
        assert run("down", "--wipe", "--name", name).exit_code == 0
    assert (home / "one" / "other").is_dir()
    assert not (home / "two").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["up", "--workers", "nova=2"], "neither N nor DAEMON=N"),
        (["up", "--workers", "api=0"], "neither N nor DAEMON=N"),
        (["up", "--hosts", "0"], "not in the range"),
        (["up", "--debugger", "debugpy"], "about the daemon that --debug names"),
        (["up", "--debug", "api", "--foreground"], "both want the terminal"),
        (["trace"], "Give either a server or --last"),
        (["logs", "--name", "one", "nova"], "one has no daemon nova; it has conductor"),
        (["restart", "--name", "one", "nova"], "one has no daemon nova; it has conductor"),
    ],
)
def test_a_wrong_use_ends_with_two(
    recorded: planning.Cloud, arguments: list[str], message: str
) -> None:
    """The message says what could be given instead."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_up_that_fails_leaves_no_folder(home: Path) -> None:
    """A wish that cannot be met changes nothing."""
    result = run("up", "--name", "two", "--broker", "nonsense")
    assert result.exit_code == 1
    assert "is not a broker" in result.stderr
    assert list(home.iterdir()) == []


def test_up_names_a_broker_that_does_not_answer(home: Path) -> None:
    """One sentence says which broker, and nothing is left running."""
    result = run("up", "--name", "two", "--broker", "amqp://u:p@127.0.0.1:1/v")
    assert result.exit_code == 1
    assert "The broker at 127.0.0.1:1 cannot be used" in result.stderr
    assert "Connection refused" in result.stderr
    assert "two is not there" in run("down", "--name", "two").output


def test_up_that_failed_leaves_nothing_of_its_wishes(home: Path) -> None:
    """Only its logs are left: the next `up` is planned as if there had been none before."""
    run("up", "--name", "two", "--broker", "amqp://u:p@127.0.0.1:1/v")
    assert [path.name for path in (home / "two").iterdir()] == ["logs"]


@pytest.mark.parametrize(
    "url", ["mysql://u:p@127.0.0.1/n", "postgresql+nonsense://u:p@127.0.0.1/n"]
)
def test_up_names_a_database_driver_that_is_not_there(home: Path, url: str) -> None:
    """One sentence that says which URL would do."""
    result = run("up", "--name", "two", "--broker", "amqp://u:p@127.0.0.1:1/v", "--database", url)
    assert result.exit_code == 1
    assert "MariaDB mysql+pymysql://" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("command", ["env", "completion", "chaos failpoint arm"])
def test_help_shows_its_examples_as_they_are(command: str) -> None:
    """A line that is to be copied stands alone, and no mark-up is seen."""
    shown = run(*command.split(), "--help").output
    assert "\\b" not in shown
    assert "\b" not in shown
    assert any(line.startswith("    ") for line in shown.splitlines())


def test_workers_are_given_for_all_or_for_one() -> None:
    """A later word wins over an earlier one."""
    assert up._parse_workers(None, None, ("3", "api=4,compute=2"))["api"] == 4  # type: ignore[arg-type, index]
    assert up._parse_workers(None, None, ("3",))["volume"] == 3  # type: ignore[arg-type, index]
    assert up._parse_workers(None, None, ()) is None  # type: ignore[arg-type]


def test_env_is_for_a_shell(recorded: planning.Cloud) -> None:
    """What is printed can be evaluated, and has the user's password in it."""
    script = run("env", "--name", "one", "--demo").output
    done = subprocess.run(
        ["/bin/sh", "-c", script + 'echo "$OS_USERNAME $OS_PASSWORD $OS_CLIENT_CONFIG_FILE"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    path = recorded.state_dir / "clouds.yaml"
    assert done.stdout == f"demo {recorded.secrets.demo_password} {path}\n"


def test_status_of_a_stopped_cloud(recorded: planning.Cloud) -> None:
    """It is known, all of it is stopped, and the exit code says so."""
    result = run("status", "--name", "one", "--json")
    assert result.exit_code == 3
    facts = json.loads(result.output)
    assert {one["state"] for one in facts["daemons"]} == {"stopped"}
    assert len(facts["daemons"]) == 11


def test_logs_filter_by_request(recorded: planning.Cloud) -> None:
    """One request's lines are those of its path through the processes."""
    recorded.combined_log.write_text("a req-1 x\nb req-2 y\nc req-1 z\n")
    assert run("logs", "--name", "one", "--request-id", "req-1").output == "a req-1 x\nc req-1 z\n"
    assert run("logs", "--name", "one", "-n", "1").output == "c req-1 z\n"


def test_logs_of_several_files_are_in_order_of_time(recorded: planning.Cloud) -> None:
    """`logs compute` merges the hosts' files."""
    for host, second in (("host1", 3), ("host2", 1), ("host3", 2)):
        (recorded.log_dir / f"compute-{host}.log").write_text(f"2026-01-01 00:00:0{second}.000 x\n")
    output = run("logs", "--name", "one", "compute").output
    assert [line[18] for line in output.splitlines()] == ["1", "2", "3"]


def test_follow_yields_whole_lines_as_they_come(tmp_path: Path) -> None:
    """A line that is written in two parts is shown once, when it is whole."""
    path = tmp_path / "log"
    path.write_text("old\n")
    deadline = time.monotonic() + 5
    places = logs.ends([path])
    parts = iter(["ne", "w\n", ""])

    def write_next() -> bool:
        with path.open("a") as file:
            file.write(next(parts, ""))
        return time.monotonic() > deadline

    seen = logs.follow(places, is_over=write_next)
    assert next(seen) == "new\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    """Each shell's script calls the command back."""
    assert "_DEVSTACK_LITE_COMPLETE" in run("completion", shell).output


def test_boot_asks_for_all_in_one_request() -> None:
    """min_count and max_count are the number, the networks are ids."""
    order = boot.Order(name="vm", count=3, flavor_id="1", image_id="i", network_ids=("n",))
    assert order.body() == {
        "server": {
            "name": "vm",
            "flavorRef": "1",
            "imageRef": "i",
            "min_count": 3,
            "max_count": 3,
            "return_reservation_id": True,
            "networks": [{"uuid": "n"}],
        }
    }


def test_bars_lie_where_the_steps_were() -> None:
    """A bar begins at its offset, is never empty, and never longer than the line."""
    bars = [
        trace.bar(offset, duration, 1.0)
        for offset, duration in ((0.0, 0.5), (0.5, 0.5), (1.0, 0.0), (0.0, 1.0))
    ]
    assert all(len(bar) == trace.BAR_WIDTH for bar in bars)
    half = trace.BAR_WIDTH // 2
    assert bars[0] == "█" * half + " " * half
    assert bars[1] == " " * half + "█" * half
    assert bars[2].strip()
    assert bars[3] == "█" * trace.BAR_WIDTH


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"itemNotFound": {"code": 404, "message": "No such flavor."}},
            "No such flavor. (HTTP 404)",
        ),
        ({"error": {"message": "Expired.", "code": 404}}, "Expired. (HTTP 404)"),
        ({"NeutronError": {"message": "No net.", "type": "X"}}, "No net. (HTTP 404)"),
        (None, "The service answered 404 without saying why."),
    ],
)
def test_faults_of_all_services_are_understood(body: object, sentence: str) -> None:
    """Each OpenStack service has a form of its own for an error."""
    answer = session.Answer(status=404, headers={}, body=body)
    assert session._message_of(answer) == sentence
