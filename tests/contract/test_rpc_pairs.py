"""Each declared RPC method has its other side: the same name, the same arguments."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import pytest

import services.conductor.endpoints
import services.conductor.rpcapi
from devstack_lite.rpc import together
from devstack_lite.rpc.client import RpcClient, declarations
from services.compute.manager import ComputeManager
from services.compute.rpcapi import ComputeAPI
from services.scheduler.manager import SchedulerManager
from services.scheduler.rpcapi import SchedulerAPI


def clients_in(module: Any) -> list[type[RpcClient]]:
    found = [one for one in vars(module).values() if inspect.isclass(one)]
    return [one for one in found if issubclass(one, RpcClient) and one is not RpcClient]


def conductor_pairs() -> list[tuple[type[RpcClient], Any]]:
    pairs: list[tuple[type[RpcClient], Any]] = []
    for info in pkgutil.iter_modules(services.conductor.rpcapi.__path__):
        [client] = clients_in(importlib.import_module(f"services.conductor.rpcapi.{info.name}"))
        served = importlib.import_module(f"services.conductor.endpoints.{info.name}")
        [endpoint] = [
            one
            for one in vars(served).values()
            if inspect.isclass(one) and one.__module__ == served.__name__ and hasattr(one, "target")
        ]
        assert endpoint.target.namespace == client.NAMESPACE
        pairs.append((client, endpoint))
    return pairs


PAIRS = [*conductor_pairs(), (SchedulerAPI, SchedulerManager), (ComputeAPI, ComputeManager)]


@pytest.mark.parametrize(("client", "endpoint"), PAIRS, ids=lambda one: one.__name__)
def test_both_sides_agree(client: type[RpcClient], endpoint: Any) -> None:
    """Both sides have the same methods, with the same arguments; a server may do many at once."""
    declared = declarations(client)
    assert declared
    served = {
        name
        for name, member in vars(endpoint).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }
    assert {name + together.SUFFIX for name in declared} >= served - set(declared)
    assert set(declared) <= served
    for name in declared:
        asked = inspect.signature(getattr(client, name))
        answered = inspect.signature(getattr(endpoint, name))
        assert asked == answered, name


@pytest.mark.parametrize(("client", "endpoint"), PAIRS, ids=lambda one: one.__name__)
def test_each_method_says_what_it_is(client: type[RpcClient], endpoint: Any) -> None:
    """Each has a docstring on both sides; a call has a timeout, a cast is idempotent."""
    for name, declared in declarations(client).items():
        assert inspect.getdoc(getattr(client, name))
        assert inspect.getdoc(getattr(endpoint, name))
        if declared.kind == "call":
            assert 1 <= declared.timeout_s <= 60
        else:
            # It may be lost, so somebody sends it again.
            assert declared.is_idempotent


def test_each_endpoint_is_served_by_the_conductor() -> None:
    """Every interface of the conductor is among its endpoints."""
    source = inspect.getsource(importlib.import_module("services.conductor.manager"))
    for _, endpoint in conductor_pairs():
        assert f"{endpoint.__name__}(" in source
