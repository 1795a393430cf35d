"""The table of the 18 steps names real code."""

from __future__ import annotations

import functools
import importlib

import pytest

from devstack_lite.steps import STEPS, Step


def test_there_are_eighteen_steps_in_order() -> None:
    """1 to 18, none missing, none twice."""
    assert list(range(1, 19)) == [step.number for step in STEPS]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: str(step.number))
def test_each_step_happens_in_a_function_that_exists(step: Step) -> None:
    """`module:function` resolves to something that can be called."""
    module, _, path = step.code.partition(":")
    found = functools.reduce(getattr, path.split("."), importlib.import_module(module))
    assert callable(found)
