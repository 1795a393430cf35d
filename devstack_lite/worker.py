"""Who this process is: service, host, worker number. Set once after the fork, read by the trace."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One forked worker of one service on one host."""

    service: str
    host: str
    worker: int
    pid: int


_current = Identity(service="none", host="", worker=0, pid=0)


def become(service: str, host: str, worker: int) -> Identity:
    """Say who this process is; called by each worker after its fork."""
    global _current
    _current = Identity(service=service, host=host, worker=worker, pid=os.getpid())
    return _current


def current() -> Identity:
    """Return who this process is."""
    return _current
