"""Cuts this process off the network, as a pulled cable does, and puts it back.

Each TCP socket gets a filter that takes in nothing (socket(7), SO_ATTACH_FILTER; no privilege is
needed): nothing is closed, nobody is told, and what either side sends is sent again by TCP until
the filter is gone. Sockets that connect meanwhile get it, too. Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LOG = logging.getLogger(__name__)

LOOK_S = 0.1
_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # asm-generic/socket.h
_TAKE_NOTHING = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))  # return 0 bytes
_PROGRAM = struct.pack("@HL", 1, ctypes.addressof(_TAKE_NOTHING))  # one instruction

_lock = threading.Lock()
_is_cut = False


def cut_while(is_wanted: Callable[[], bool]) -> None:
    """Cut this process off until is_wanted says no; returns at once. Once cut, no second time."""
    global _is_cut
    with _lock:
        if _is_cut or not is_wanted():
            return
        _is_cut = True
        original = socket.socket.connect

        def connect(self: socket.socket, address: Any) -> None:
            _filter(self, _ATTACH_FILTER)
            original(self, address)

        socket.socket.connect = connect  # type: ignore[method-assign,assignment]
        count = _filter_all(_ATTACH_FILTER)
    LOG.warning("cut off: %d connections carry nothing", count)

    def heal() -> None:
        global _is_cut
        while is_wanted():
            threading.Event().wait(LOOK_S)
        with _lock:
            socket.socket.connect = original  # type: ignore[method-assign]
            _filter_all(_DETACH_FILTER)
            _is_cut = False
        LOG.warning("the connections carry again")

    threading.Thread(target=heal, name="partition", daemon=True).start()


def _filter_all(option: int) -> int:
    count = 0
    for own in _sockets():
        count += _filter(own, option)
        own.close()
    return count


def _sockets() -> Iterator[socket.socket]:
    """Yield a second handle on each of the process's sockets."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):
            if str(entry.readlink()).startswith("socket:"):
                yield socket.socket(fileno=os.dup(int(entry.name)))


def _filter(own: socket.socket, option: int) -> bool:
    """Put a filter on a socket or take it off; say whether it is one of TCP's."""
    if own.family not in {socket.AF_INET, socket.AF_INET6} or own.type != socket.SOCK_STREAM:
        return False
    with contextlib.suppress(OSError):  # none was on it
        own.setsockopt(socket.SOL_SOCKET, option, _PROGRAM)
    return True
