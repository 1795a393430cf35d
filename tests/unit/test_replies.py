"""A reply's body as it is sent."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from devstack_lite.states import VmState
from devstack_lite.wsgi.request import Reply
from devstack_lite.wsgi.resource import send


def sent(body: Any) -> bytes:
    return b"".join(send(lambda _status, _headers: None, Reply(body=body)))


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Ünï 🐧", "state": VmState.ACTIVE, "numbers": [1, 0.1, -(2**63)], "none": None},
        {"size": 2**70},
        {VmState.ACTIVE: 1},
        [{"half": "\ud800"}],
    ],
)
def test_a_body_is_json(body: Any) -> None:
    """Whatever the standard library writes is read as the same, numbers of any size included."""
    assert json.loads(sent(body)) == json.loads(json.dumps(body))


def test_what_json_has_no_word_for_is_an_error() -> None:
    """A time, say, which has to be put into words by a view."""
    with pytest.raises(TypeError):
        sent({"at": datetime.datetime.now(datetime.UTC)})
