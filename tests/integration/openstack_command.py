"""The unmodified `openstack` command inside this process: what it imports costs a second once."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock


@contextlib.contextmanager
def _undisturbed_logging() -> Iterator[None]:
    """Take back the handlers and levels that the command sets as if the process were its own."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def _forget_clients() -> None:
    """Drop the clients that osc-lib keeps for a process, and with them the cloud they speak to."""
    from osc_lib.clientmanager import ClientCache, ClientManager

    for one in vars(ClientManager).values():
        if isinstance(one, ClientCache):
            one._handle = None


def run(arguments: tuple[str, ...], credentials: Mapping[str, str]) -> tuple[int, str, str]:
    """Return the command's exit code and what it wrote to standard output and error."""
    from openstackclient.shell import OpenStackShell

    _forget_clients()
    output, errors = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, credentials),
        warnings.catch_warnings(),
        _undisturbed_logging(),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        code = OpenStackShell().run(list(arguments))
    return code, output.getvalue(), errors.getvalue()


def answer(arguments: tuple[str, ...], credentials: Mapping[str, str]) -> Any:
    """Return what a command that shows or lists says; fails with its output."""
    code, output, errors = run((*arguments, "-f", "json"), credentials)
    assert code == 0, f"openstack {' '.join(arguments)}\n{output}\n{errors}"
    return json.loads(output)
