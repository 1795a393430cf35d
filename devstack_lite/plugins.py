"""What installed packages offer under a stevedore namespace, with what cannot be loaded named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One entry point. loaded is None when it cannot be loaded, and problem says why."""

    namespace: str
    name: str
    source: str
    """The module and attribute that it names, as colours.api:Colours."""
    loaded: Any = None
    problem: str = ""

    def with_problem(self, problem: str) -> Plugin:
        """Return it as one that cannot be used."""
        return Plugin(namespace=self.namespace, name=self.name, source=self.source, problem=problem)

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"


def discover(namespace: str) -> list[Plugin]:
    """Return what is installed under a namespace, by name. An import that fails is a problem."""
    from stevedore.extension import ExtensionManager

    broken: list[Plugin] = []

    def note(_manager: Any, entry_point: Any, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        broken.append(
            Plugin(
                namespace=namespace,
                name=entry_point.name,
                source=entry_point.value,
                problem=f"it cannot be imported ({reason})",
            )
        )

    manager = ExtensionManager(namespace, on_load_failure_callback=note)
    found = [
        Plugin(
            namespace=namespace,
            name=extension.name,
            source=extension.entry_point.value,
            loaded=extension.plugin,
        )
        for extension in manager
    ]
    return sorted([*found, *broken], key=lambda one: (one.name, one.source))
