"""The words in which it is said what is asked of a cloud: how, where it is done, how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Point = tuple[str, str]
"""A daemon, and the name of a point in it, without its side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator has configured that decides which actions there are, and how they end."""

    reclaim_s: int = 0
    offload_s: int = 0
    is_instant: bool = True
    hosts: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAction:
    """One action. In body, path and queries {image}, {volume} and others stand for ids."""

    body: Any = None
    method: str = "POST"
    path: str = "/action"
    """Below /servers/{id}; of an errand, below the API."""
    version: str = "2.1"
    before: tuple[str, ...] = ()
    """The actions that bring a server that is ACTIVE to where this one can be asked for."""
    during: str = ""
    """The action that has to be under way meanwhile."""
    vm_state: str = "active"
    """In the end; deleted is one that is gone."""
    holds: Mapping[str, Any] | None = None
    """Queries of one value, and that value in the end; :uuid, :name and :volume are bound."""
    shows: Mapping[str, Any] | None = None
    """Keys of the server as a client sees it, and what they say in the end."""
    recorded: str = ""
    """As which it is among the instance's actions; empty where Nova records none."""
    event: str = ""
    result: str = "Success"
    points: tuple[Point, ...] = ()
    """Where its own work is done, and where it ends."""
    helpers: tuple[Point, ...] = ()
    """Who else takes part in it."""
    needs: Callable[[Settings], bool] = lambda _settings: True
    boot: Mapping[str, Any] | None = None
    """Of a boot: what is other in its body; None takes a key out."""
    is_errand: bool = False
    """Whether it is of no server; vm_state is done then."""
    finds: str = ""
    """The query of the id that {found} stands for."""
    undo: tuple[tuple[str, str, Any], ...] = ()
    """What an errand leaves behind is removed by: methods, paths and bodies."""
    has_volume: bool = False
    is_on_dead_host: bool = False
    is_synchronous: bool = False
    """Whether it is over when it is answered."""
