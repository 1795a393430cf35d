"""A message whose transaction had to give way is handled again, a few times."""

from __future__ import annotations

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Deadlock
from devstack_lite.rpc import server


class Loser:
    """Gives way so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def act(self, context: RequestContext, *, word: str) -> str:
        if self.left:
            self.left -= 1
            raise Deadlock("others go first")
        return word


def test_it_is_handled_again() -> None:
    loser = Loser(server.DEADLOCKS)
    assert server.run(loser.act, RequestContext(), {"word": "done"}) == "done"


def test_who_loses_for_ever_is_told() -> None:
    with pytest.raises(Deadlock):
        server.run(Loser(server.DEADLOCKS + 1).act, RequestContext(), {"word": "done"})
