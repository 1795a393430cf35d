"""What the commands share at the terminal: consoles, the `--name` option, progress."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from devstack_lite import cloud as clouds

if TYPE_CHECKING:
    from rich.console import Console


PIPE_WIDTH = 120
"""Columns of a table that goes to a file or another program; rich's own guess of 80 folds it."""


def _complete_name(_context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    return [cloud.name for cloud in clouds.every() if cloud.name.startswith(begun)]


name_option: Callable[[Any], Any] = click.option(
    "--name",
    default=clouds.DEFAULT_NAME,
    envvar="DEVSTACK_LITE_NAME",
    show_default=True,
    show_envvar=True,
    shell_complete=_complete_name,
    help="The cloud.",
)

json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for scripts."
)


def out() -> Console:
    """Return the console of stdout; what is piped gets PIPE_WIDTH, unless COLUMNS says another."""
    from rich.console import Console

    knows_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if knows_width else PIPE_WIDTH)


def err() -> Console:
    """Return the console of stderr, for progress."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


class Progress:
    """Says what is waited for: a spinner with seconds on a terminal, a line per step on a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = self._step_began = time.monotonic()
        self._step = ""
        self._spinner = console.status("") if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._spinner is not None:
            self._spinner.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._spinner is not None:
            self._spinner.stop()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def show(self, step: str, detail: str = "") -> None:
        """Say what is waited for now; a step that is another than before is thereby done."""
        if step != self._step:
            self.done()
            self._step, self._step_began = step, time.monotonic()
        if self._spinner is not None:
            rest = f" [dim]{detail}[/]" if detail else ""
            self._spinner.update(f"waiting for {step}{rest} [dim]{self.elapsed_s:.1f} s[/]")

    def done(self) -> None:
        """Say that the step is done."""
        if self._step:
            took = time.monotonic() - self._step_began
            self._console.print(f"  [green]ok[/] {self._step} [dim]{took:.1f} s[/]")
            self._step = ""
