#!/usr/bin/env python3
"""Writes the reference pages of docs/ from the code.

`tools/gen_docs.py update` writes them, `verify` says with its exit code whether they are what the
code says. A contract test runs `verify`.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import pkgutil
import re
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT))  # this checkout's code, whichever is installed

import click  # noqa: E402

from devstack_lite import launcher  # noqa: E402

launcher.use_threads()  # before oslo_messaging is imported

from devstack_lite.cli.main import cli  # noqa: E402
from devstack_lite.conf import OPTIONS  # noqa: E402
from devstack_lite.objects.registry import REGISTRY  # noqa: E402
from devstack_lite.rpc.client import Declaration, RpcClient, declarations  # noqa: E402
from services.api import policies  # noqa: E402

NOTE = "<!-- Written by `tools/gen_docs.py update`; change the code, not this page. -->"
RPC_PACKAGES = ("services.scheduler", "services.compute", "services.conductor")

Lines = Iterator[str]


def commands_page() -> Lines:
    """Yield docs/commands.md."""
    yield "# Commands"
    yield "What `--help` says, on one page."
    root = click.Context(cli, info_name="devstack-lite")
    yield from _command(cli, root)


def _command(command: click.Command, context: click.Context) -> Lines:
    """Yield a command's section, and those of the commands under it."""
    if context.parent is not None:
        yield f"## {context.command_path}"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"    {usage}"
    yield _prose(inspect.cleandoc(command.help or ""))
    records = [
        parameter.get_help_record(context)
        for parameter in command.get_params(context)
        if "help" not in parameter.opts[0]
    ]
    rows = [(f"`{names}`", help_text) for names, help_text in filter(None, records) if help_text]
    if rows:
        yield _table(("option", "what for"), rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _command(child, click.Context(child, info_name=name, parent=context))


def rpc_page() -> Lines:
    """Yield docs/rpc.md."""
    yield "# RPC"
    yield (
        "Every message between the daemons, from the declarations in `services/*/rpcapi`. A *call*"
        " waits for its answer at most so many seconds; a *cast* does not wait, and what it asks"
        " for stands in a row of the database that is swept. *Again*: whether it may be delivered"
        " twice; such a call is repeated while its time lasts. What *gathers* shares a message"
        " with others of its kind that come while one is sent."
    )
    for interface in _interfaces():
        yield f"## {interface.NAMESPACE or interface.TOPIC}"
        namespace = f", namespace `{interface.NAMESPACE}`" if interface.NAMESPACE else ""
        yield (
            f"Topic `{interface.TOPIC}`{namespace}; `{interface.__module__}:{interface.__name__}`."
            f" {_prose(inspect.getdoc(interface) or '')}"
        )
        rows = []
        for name, declared in declarations(interface).items():
            method = getattr(interface, name)
            rows.append((
                f"`{name}{_signature(method)}`", _kind(declared),
                _again(declared), _prose(inspect.getdoc(method) or ""),
            ))  # fmt: skip
        yield _table(("method", "kind", "again", "what"), rows)
    yield "## Objects"
    yield (
        "What the messages carry: frozen dataclasses of `devstack_lite/objects`. A reader ignores"
        " fields that it does not know and takes defaults for those that are missing."
    )
    objects = []
    for name, kind in sorted(REGISTRY.items()):
        fields = ", ".join(f"{one.name}: {one.type}" for one in dataclasses.fields(kind))
        objects.append(
            (f"`{name}`", _prose((inspect.getdoc(kind) or "").split("\n\n")[0]), f"`{fields}`")
        )
    yield _table(("object", "what", "fields"), objects)


def _interfaces() -> list[type[RpcClient]]:
    found: list[type[RpcClient]] = []
    for package in RPC_PACKAGES:
        module = importlib.import_module(f"{package}.rpcapi")
        modules = [module]
        if hasattr(module, "__path__"):
            names = sorted(info.name for info in pkgutil.iter_modules(module.__path__))
            modules = [importlib.import_module(f"{module.__name__}.{name}") for name in names]
        for one in modules:
            found += [
                member
                for member in vars(one).values()
                if inspect.isclass(member)
                and issubclass(member, RpcClient)
                and member.__module__ == one.__name__
            ]
    return found


def _signature(method: Callable[..., Any]) -> str:
    """Return arguments and answer, without those that every method has."""
    signature = inspect.signature(method)
    arguments = ", ".join(
        f"{one.name}: {one.annotation}"
        for one in signature.parameters.values()
        if one.name not in {"self", "context"}
    )
    answer = "" if signature.return_annotation == "None" else f" -> {signature.return_annotation}"
    return f"({arguments}){answer}"


def _kind(declared: Declaration) -> str:
    kind = f"call, {declared.timeout_s:g} s" if declared.kind == "call" else declared.kind
    return f"{kind}, gathers" if declared.gathers else kind


def _again(declared: Declaration) -> str:
    """Return whether a call may be repeated, and what then says that it was done before."""
    if declared.done_when is not None:
        return f"yes, {declared.done_when.__name__} is done"
    return "yes" if declared.is_idempotent else "no"


def configuration_page() -> Lines:
    """Yield docs/configuration.md."""
    yield "# Configuration"
    yield (
        "Each daemon reads one file, `--config-file`. `devstack-lite up` writes them to"
        " `<state>/etc`, one per daemon, with what this daemon may know and nothing more. Options"
        " marked *reloads* are read anew on SIGHUP; for the others, `devstack-lite restart DAEMON`."
    )
    yield (
        "Every daemon also takes the options of"
        " [oslo.log](https://docs.openstack.org/oslo.log/latest/configuration/) and"
        " [oslo.messaging](https://docs.openstack.org/oslo.messaging/latest/configuration/opts.html)."
    )
    for group, options in OPTIONS.items():
        yield f"## [{group}]"
        rows = []
        for option in options:
            name = f"`{option.name}`" + (" *reloads*" if option.mutable else "")
            rows.append((name, _type(option), _default(option), _prose(option.help)))
        yield _table(("option", "type", "default", "what for"), rows)


def _type(option: Any) -> str:
    least, most = getattr(option.type, "min", None), getattr(option.type, "max", None)
    bounds = "".join(
        f", {word} {bound}"
        for word, bound in (("at least", least), ("at most", most))
        if bound is not None and option.type.type_name != "port value"
    )
    return f"{option.type.type_name.removesuffix(' value')}{bounds}"


def _default(option: Any) -> str:
    if option.name == "host" and option.default == socket.gethostname():
        return "the machine's name"
    if option.default is None:
        return ""
    value = option.default
    return f"`{', '.join(value) if isinstance(value, list) else value}`"


def _prose(text: str) -> str:
    """Return text as Markdown: paragraphs on one line each, click's verbatim blocks as code."""
    paragraphs = []
    for paragraph in text.replace("``", "`").split("\n\n"):
        if paragraph.startswith("\b"):
            block = inspect.cleandoc(paragraph.removeprefix("\b").strip("\n"))
            paragraphs.append("\n".join(f"    {line}" for line in block.splitlines()))
        else:
            paragraphs.append(" ".join(paragraph.split()))
    return "\n\n".join(paragraphs)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text).replace("|", "\\|")


def policy_page() -> Lines:
    """Yield docs/policy.md: who may do what."""
    yield "# Who may do what"
    yield (
        "The rules of the compute API with their defaults, Nova's names and personas. To change"
        " one, put it into `policy.yaml` in the cloud's `etc` folder, such as"
        ' `"os_compute_api:servers:start": "rule:project_manager_or_admin"`; it is read within a'
        " second. What a caller may not see is not found, whatever the rules say."
    )
    rows = [
        (f"`{rule.name}`", f"`{rule.check_str}`", rule.description)
        for rule in policies.list_rules()
    ]
    yield _table(("rule", "who may", "what"), rows)


PAGES: dict[str, Callable[[], Lines]] = {
    "policy.md": policy_page,
    "commands.md": commands_page,
    "rpc.md": rpc_page,
    "configuration.md": configuration_page,
}


def render(page: Callable[[], Lines]) -> str:
    """Return a page's text: its blocks, an empty line between them."""
    title, *blocks = [block for block in page() if block]
    return "\n\n".join([title, NOTE, *blocks]) + "\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them; return an exit code."""
    if arguments not in (["update"], ["verify"]):
        click.echo("usage: tools/gen_docs.py update|verify", err=True)
        return 2
    code = 0
    for name, page in PAGES.items():
        path, text = DOCS / name, render(page)
        before = path.read_text() if path.exists() else ""
        if text == before:
            continue
        if arguments == ["update"]:
            path.write_text(text)
            click.echo(f"docs/{name} is written")
        else:
            sys.stdout.writelines(
                difflib.unified_diff(
                    before.splitlines(keepends=True), text.splitlines(keepends=True),
                    f"docs/{name}", "the code",
                )
            )  # fmt: skip
            click.echo(f"docs/{name} is not what the code says: run tools/gen_docs.py update")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
