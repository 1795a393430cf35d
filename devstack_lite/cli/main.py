"""The entry point, and the table of the commands."""

from __future__ import annotations

import importlib
from typing import Any

import click

from devstack_lite.exceptions import DevstackError

_COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("devstack_lite.cli.up:up", "Start a cloud, and return when a boot would work."),
    "status": ("devstack_lite.cli.status:status", "Show daemons, queues and instances."),
    "down": ("devstack_lite.cli.down:down", "Stop a cloud; nothing is left running."),
    "boot": ("devstack_lite.cli.boot:boot", "Boot instances over the HTTP API."),
    "fill": ("devstack_lite.cli.fill:fill", "Boot many servers of a mix of flavors."),
    "trace": ("devstack_lite.cli.trace:trace", "Show the 18 steps of a boot."),
    "explain": ("devstack_lite.cli.explain:explain", "Show why a server is where it is."),
    "simulate": (
        "devstack_lite.cli.simulate:simulate",
        "Replay a trace of VMs through the scheduler.",
    ),
    "logs": ("devstack_lite.cli.logs:logs", "Show or follow the daemons' logs."),
    "restart": ("devstack_lite.cli.restart:restart", "Restart daemons of a running cloud."),
    "step": ("devstack_lite.cli.step:step", "Walk a boot through its 18 steps, key by key."),
    "check": ("devstack_lite.cli.check:check", "Check that nothing is lost, leaked or miscounted."),
    "chaos": ("devstack_lite.cli.chaos:chaos", "Break a cloud on purpose, and judge the outcome."),
    "env": ("devstack_lite.cli.env:env", 'Print OS_* variables: eval "$(devstack-lite env)"'),
    "completion": ("devstack_lite.cli.completion:completion", "Print a shell's completion script."),
}


class _LazyGroup(click.Group):
    """Knows its commands by name and summary, so that --help imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DevstackError as error:
            raise click.ClickException(str(error)) from error


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Completion: eval "$(devstack-lite completion bash)" in your shell\'s start-up file.',
)
@click.version_option(package_name="devstack-lite")
def cli() -> None:
    """Run a whole OpenStack compute control plane on this machine."""


def main() -> None:
    """Run the command line."""
    cli(prog_name="devstack-lite")


if __name__ == "__main__":
    main()
