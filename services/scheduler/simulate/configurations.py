"""The configurations that a trace is replayed with, and the nodes that each of them makes.

Filters read the process's configuration, so that one configuration at a time is in force.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import ComputeNode

SCHEDULER_GROUPS = ("filter_scheduler", "scheduler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A name to show, a file that may be missing, and what is set over it."""

    name: str
    path: Path | None = None
    settings: tuple[str, ...] = ()
    """`option=value` of the scheduler's groups, or `group.option=value`."""


def plan(
    paths: Sequence[Path], settings: Sequence[str], versus: Sequence[str]
) -> list[Configuration]:
    """Return one configuration per file, or the defaults; versus adds one more, with more set.

    Settings hold for all of them. Raises Invalid for settings that no option takes.
    """
    for setting in (*settings, *versus):
        split(setting)
    found = [Configuration(name=path.stem, path=path, settings=tuple(settings)) for path in paths]
    if len({one.name for one in found}) < len(found):
        found = [
            Configuration(name=str(path), path=path, settings=tuple(settings)) for path in paths
        ]
    if not found:
        found = [Configuration(name="default", settings=tuple(settings))]
    if versus:
        found.append(
            Configuration(name=" ".join(versus), path=found[0].path, settings=(*settings, *versus))
        )
    return found


def split(setting: str) -> tuple[str, str, str]:
    """Return group, option and value. Raises Invalid, one sentence, for what no option takes."""
    option, equals, value = setting.partition("=")
    if not equals:
        raise Invalid(f"{setting} must be OPTION=VALUE, such as cpu_weight_multiplier=-1.")
    given, dot, name = option.strip().rpartition(".")
    groups = (given,) if dot else SCHEDULER_GROUPS
    for group in groups:
        for one in options.OPTIONS.get(group, ()):
            if one.dest == name:
                _check(one, value.strip(), setting)
                return group, name, value.strip()
    raise Invalid(f"There is no option {name} in [{'] or ['.join(groups)}].")


def _check(option: Any, value: str, setting: str) -> None:
    try:
        option.type(value)
    except ValueError as error:
        raise Invalid(f"{setting} will not do: {error}.") from error


@contextmanager
def in_force(configuration: Configuration) -> Iterator[Any]:
    """Yield the process's configuration, as this one says it. Raises Invalid, one sentence."""
    conf = options.register(cfg.CONF)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as own:
        for setting in configuration.settings:
            group, name, value = split(setting)
            own.write(f"[{group}]\n{name} = {value}\n")
        own.flush()
        files = [str(configuration.path)] if configuration.path else []
        try:
            _read(conf, [*files, own.name], configuration.name)
            yield conf
        finally:
            conf.reset()


def _read(conf: Any, files: Sequence[str], name: str) -> None:
    """Read files, the later over the earlier, and every value that a replay may ask for."""
    arguments = [part for file in files for part in ("--config-file", file)]
    try:
        conf(arguments, project="devstack-lite", default_config_files=[])
        for group in (*SCHEDULER_GROUPS, "compute"):
            for one in options.OPTIONS[group]:
                getattr(conf[group], one.dest)  # a value that does not fit is found here
    except (cfg.Error, OSError, ValueError) as error:
        raise Invalid(f"{name}: {error}") from error


def nodes_of(conf: Any, count: int) -> list[ComputeNode]:
    """Return so many empty nodes, as the options of [compute] make them."""
    own = conf.compute
    return [
        ComputeNode(
            id=f"node{number}",
            host=f"node{number}",
            hypervisor_hostname=f"node{number}",
            vcpus=own.node_vcpus,
            memory_mb=own.node_memory_mb,
            disk_gb=own.node_disk_gb,
            reserved_vcpus=own.reserved_vcpus,
            reserved_memory_mb=own.reserved_memory_mb,
            reserved_disk_gb=own.reserved_disk_gb,
            cpu_allocation_ratio=own.cpu_allocation_ratio,
            ram_allocation_ratio=own.ram_allocation_ratio,
            disk_allocation_ratio=own.disk_allocation_ratio,
            availability_zone=own.availability_zone,
        )
        for number in range(1, count + 1)
    ]
