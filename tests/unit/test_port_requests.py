"""Requests for ports that come at once share a call, and none suffers for another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Conflict, Unavailable
from devstack_lite.objects.network import Port
from services.conductor.rpcapi.networks import NetworksAPI
from services.network.controllers.ports import PortsController


class Conductor:
    """Makes any port but `taken`, and counts the calls."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def create_ports(self, context: RequestContext, *, ports: Sequence[Port]) -> list[Port]:
        self.calls.append([port.id for port in ports])
        if any(port.id == "taken" for port in ports):
            raise Conflict("Port taken is still in use.", kind="port")
        if any(port.id == "late" for port in ports):
            raise Unavailable("conductor did not answer create_ports")
        return list(reversed(ports))


def asked(*ids: str) -> tuple[RequestContext, list[Port]]:
    return RequestContext(), [Port(id=one, network_id="n", project_id="p") for one in ids]


def make(conductor: Conductor, *requests: Any) -> Any:
    controller = PortsController(Database("sqlite://"), cast("NetworksAPI", conductor))
    return controller._make(requests)


def test_what_comes_at_once_shares_a_call() -> None:
    conductor = Conductor()
    answers = make(conductor, asked("a", "b"), asked("c"))
    assert [[port.id for port in answer] for answer in answers] == [["a", "b"], ["c"]]
    assert conductor.calls == [["a", "b", "c"]]


def test_one_that_cannot_be_had_is_its_own_requests_alone() -> None:
    conductor = Conductor()
    first, second, third = make(conductor, asked("a"), asked("taken"), asked("c"))
    assert [first[0].id, third[0].id] == ["a", "c"]
    assert isinstance(second, Conflict)
    assert conductor.calls == [["a", "taken", "c"], ["a"], ["taken"], ["c"]]


def test_who_did_not_answer_is_not_asked_by_each() -> None:
    """Whether the ports are there is not known: all are told so."""
    conductor = Conductor()
    with pytest.raises(Unavailable):
        make(conductor, asked("a"), asked("late"))
    assert len(conductor.calls) == 1
