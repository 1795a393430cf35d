"""`devstack-lite completion`: the script that makes a shell complete the command."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
      bash, zsh: eval "$(devstack-lite completion bash)"   in ~/.bashrc or ~/.zshrc
      fish:      devstack-lite completion fish > ~/.config/fish/completions/devstack-lite.fish
    """  # noqa: D301 - click wants the character
    from devstack_lite.cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}.")
    click.echo(kind(cli, {}, "devstack-lite", "_DEVSTACK_LITE_COMPLETE").source())
