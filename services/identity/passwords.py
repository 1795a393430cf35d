"""Passwords: bcrypt, at the configured cost.

bcrypt lets go of the interpreter while it works, so a worker's other requests go on meanwhile.
"""

from __future__ import annotations

import hashlib
from functools import cached_property

import bcrypt

MAX_BYTES = 72
"""bcrypt looks at no more; longer passwords are cut, as Keystone cuts them."""


class Passwords:
    """Hashes and compares."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def hash(self, password: str) -> str:
        """Return the password's salted hash."""
        return bcrypt.hashpw(password.encode()[:MAX_BYTES], bcrypt.gensalt(self._rounds)).decode()

    def is_right(self, password: str, password_hash: str | None) -> bool:
        """Say whether the hash is the password's.

        Without a hash it never is, which takes as long to find out: how long an answer takes does
        not tell which users there are.
        """
        kept = password_hash or self._nobodys
        found = bcrypt.checkpw(password.encode()[:MAX_BYTES], kept.encode())
        return found and password_hash is not None

    @cached_property
    def _nobodys(self) -> str:
        return self.hash("")


def fingerprint(password_hash: str | None) -> str:
    """Return what a token keeps of its user's password, so that it ends when that is changed."""
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:16]
