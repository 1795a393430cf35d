"""What cheroot reads a connection from and writes it to, a socket as two files.

Its own files are the standard library's in Python: they take longer than all else that the server
does for a request, and send an answer in two packets.
"""

from __future__ import annotations

import socket

RECEIVE_BYTES = 16 * 1024
"""Asked of the socket at least: what TLS decrypts at once, so that nothing is left in it unseen."""
MOST_BYTES = 1024 * 1024
"""And at most: that much memory is taken before anything has come."""
LINE_BYTES = 64 * 1024
"""Of a line to which its reader sets no bound: a chunk's size, or what follows the last chunk."""
JOIN_BYTES = 64 * 1024
"""Up to so many are copied to go out with the head; more take longer to copy than to send."""


class SocketReader:
    """Reads lines and numbers of bytes; takes no more from the socket than it has to wait for."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._kept = b""
        self._at = 0

    def has_data(self) -> bool:
        """Say whether there are bytes that the socket has given already."""
        return self._at < len(self._kept)

    def readline(self, size: int | None = None) -> bytes:
        """Return bytes up to a newline and with it, at most size; fewer only at the end.

        Raises ValueError where no size was given, for a line of more than LINE_BYTES.
        """
        searched = self._at
        while True:
            found = self._kept.find(b"\n", searched) + 1
            end = found or len(self._kept)
            if size is not None and size >= 0 and end - self._at >= size:
                return self._take(self._at + size)
            if found:
                return self._take(found)
            searched = len(self._kept) - self._at
            if size is None and searched > LINE_BYTES:
                raise ValueError(f"a line of more than {LINE_BYTES} bytes")
            part = self._socket.recv(RECEIVE_BYTES)
            if not part:
                return self._take(len(self._kept))
            self._kept = self._kept[self._at :] + part
            self._at = 0

    def read(self, size: int) -> bytes:
        """Return so many bytes; fewer only at the end. Raises ValueError for less than none."""
        if size < 0:
            raise ValueError(f"{size} bytes")
        parts = [self._take(min(self._at + size, len(self._kept)))]
        missing = size - len(parts[0])
        while missing > 0:
            part = self._socket.recv(max(RECEIVE_BYTES, min(missing, MOST_BYTES)))
            if not part:
                break
            parts.append(part[:missing])
            self._kept, self._at = part, len(parts[-1])
            missing -= len(parts[-1])
        return b"".join(parts) if len(parts) > 1 else parts[0]

    def close(self) -> None:
        """Do nothing: the connection closes its socket."""

    def _take(self, end: int) -> bytes:
        taken = self._kept[self._at : end]
        self._at = end
        if end >= len(self._kept):
            self._kept, self._at = b"", 0  # It may be much, and the connection stay for long.
        return taken


class SocketWriter:
    """Sends at once; what is written while it holds goes out with what comes next."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._held = b""
        self.is_holding = False

    def write(self, data: bytes) -> int:
        """Send what is held, and all of data; the socket's time-out is for each part of it."""
        held, self._held = self._held, b""
        if self.is_holding:
            self._held = held + data
            return len(data)
        if held and len(data) > JOIN_BYTES:
            self._send(held)
            held = b""
        self._send(held + data if held else data)
        return len(data)

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            self.write(b"")

    def _send(self, data: bytes) -> None:
        sent = self._socket.send(data)
        if sent < len(data):
            left = memoryview(data)[sent:]
            while left:
                left = left[self._socket.send(left) :]


def make_file(
    sock: socket.socket, mode: str = "r", _bufsize: int = -1
) -> SocketReader | SocketWriter:
    """Return a connection as a file to read from or to write to."""
    return SocketReader(sock) if "r" in mode else SocketWriter(sock)
