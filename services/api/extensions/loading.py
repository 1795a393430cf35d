"""Which extensions are installed, allowed and sound; what of that stops the start."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from devstack_lite.exceptions import Conflict, DevstackError
from devstack_lite.plugins import Plugin, discover
from devstack_lite.wsgi.extensions import (
    API_NAMESPACE,
    SERVER_CREATE_NAMESPACE,
    ExtensionDescriptor,
    ServerCreateExtension,
)
from services.api.extensions.builtin import BUILTINS, CORE, Builtin

LOG = logging.getLogger(__name__)


class CoreAPIMissing(DevstackError):
    """A part of the API without which no client works is denied, or not there."""

    @classmethod
    def of(cls, missing: Iterable[str]) -> CoreAPIMissing:
        """Return the error in Nova's words."""
        return cls(f"Core API extensions are missing: {', '.join(sorted(missing))}")


class DuplicateAlias(Conflict):
    """Two extensions have the same alias."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the API is made of."""

    builtins: tuple[Builtin, ...]
    descriptors: tuple[Plugin, ...] = ()
    server_create: tuple[Plugin, ...] = ()
    left_out: tuple[Plugin, ...] = ()
    """Installed and not denied, but unusable: each with its problem."""
    unknown: tuple[str, ...] = ()
    """What the options name and nobody has, or what cannot be left out."""


def choose(conf: Any) -> Chosen:
    """Return what is installed and allowed.

    Raises CoreAPIMissing when a core collection is denied, DuplicateAlias when two extensions that
    are allowed have one alias (both definite: the api does not start).
    """
    api = [_checked(one, ExtensionDescriptor) for one in discover(API_NAMESPACE)]
    creating = [_checked(one, ServerCreateExtension) for one in discover(SERVER_CREATE_NAMESPACE)]
    allowed, denied = set(conf.api.extensions_allowed), set(conf.api.extensions_denied)
    if denied & CORE:
        raise CoreAPIMissing.of(denied & CORE)

    def is_allowed(alias: str) -> bool:
        return alias in CORE or (alias not in denied and (not allowed or alias in allowed))

    builtins = tuple(one for one in BUILTINS if not one.resource or is_allowed(one.alias))
    descriptors = _usable(api, is_allowed)
    check_aliases(descriptors)
    named = {one.alias for one in BUILTINS if one.resource}
    named |= {one.loaded.alias for one in (*api, *creating) if one.loaded is not None}
    return Chosen(
        builtins=builtins,
        descriptors=descriptors,
        server_create=_usable(creating, is_allowed),
        left_out=tuple(one for one in (*api, *creating) if one.loaded is None),
        unknown=tuple(sorted((allowed | denied) - named)),
    )


def _checked(plugin: Plugin, base: type) -> Plugin:
    """Return a plugin, or what is wrong with what it names."""
    if plugin.loaded is None:
        return plugin
    if not (isinstance(plugin.loaded, type) and issubclass(plugin.loaded, base)):
        return plugin.with_problem(f"it is no subclass of {base.__name__}")
    needed = ("alias", "name") if base is ExtensionDescriptor else ("alias",)
    absent = [name for name in needed if not getattr(plugin.loaded, name, "")]
    if absent:
        return plugin.with_problem(f"it does not say its {' and '.join(absent)}")
    return plugin


def _usable(plugins: Sequence[Plugin], is_allowed: Any) -> tuple[Plugin, ...]:
    return tuple(one for one in plugins if one.loaded is not None and is_allowed(one.loaded.alias))


def check_aliases(descriptors: Sequence[Plugin]) -> None:
    """Raise DuplicateAlias when an alias is taken twice, among them or by the API itself."""
    owners: dict[str, str] = {one.alias: "the API itself" for one in BUILTINS}
    for plugin in descriptors:
        alias = plugin.loaded.alias
        if alias in owners:
            raise DuplicateAlias(
                f"the alias {alias} is taken twice: by {owners[alias]} and by {plugin}. Deny it in"
                " [api] extensions_denied, or uninstall one package."
            )
        owners[alias] = str(plugin)


def check_at_start(conf: Any) -> None:
    """Say once, in the log and to whoever starts the api, what of the extensions is left out.

    Run by the launcher before it forks: the workers then share the modules. Raises what choose()
    raises.
    """
    chosen = choose(conf)
    for plugin in chosen.left_out:
        say(f"the extension {plugin} is left out: {plugin.problem}")
    for alias in chosen.unknown:
        say(f"[api] extensions_allowed or _denied names {alias}: there is no such extension")
    for plugin in (*chosen.descriptors, *chosen.server_create):
        LOG.info("extension %s: %s", plugin.loaded.alias, plugin)


def say(sentence: str) -> None:
    """Say it in the log and on the standard error."""
    LOG.error("%s", sentence)
    sys.stderr.write(f"api: {sentence}\n")
