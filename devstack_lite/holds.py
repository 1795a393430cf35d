"""Says which of a cloud's daemons shall stay down: a host without power has no daemon.

A hold is a file in `<state>/held`, named after the process; it outlives whoever made it, and ends
with the cloud's next start. The supervisor looks before it starts a daemon again. A hold with a
holder, who serves in the daemon's place, ends with that process, however it ends.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from devstack_lite.cloud import make_private_folder, write_private
from devstack_lite.reaper import Ref

FOLDER = "held"


def hold(state_dir: Path, name: str, holder: Ref | None = None) -> None:
    """Have a daemon that ends not be started again; idempotent. It is not ended by this."""
    make_private_folder(state_dir / FOLDER)
    text = f"{holder.pid} {holder.start_ticks}" if holder is not None else ""
    write_private(state_dir / FOLDER / name, text)


def release(state_dir: Path, name: str) -> bool:
    """Let a daemon be started again; say whether it was held."""
    path = state_dir / FOLDER / name
    was_held = path.exists()
    path.unlink(missing_ok=True)
    return was_held


def is_held(state_dir: Path, name: str) -> bool:
    """Say whether a daemon shall stay down."""
    try:
        text = (state_dir / FOLDER / name).read_text()
    except FileNotFoundError:
        return False
    return not text or _ref(text).is_alive()


def holder_of(state_dir: Path, name: str) -> Ref | None:
    """Return the living process that serves in a daemon's place, if one does."""
    try:
        text = (state_dir / FOLDER / name).read_text()
    except FileNotFoundError:
        return None
    found = _ref(text) if text else None
    return found if found is not None and found.is_alive() else None


def clear(state_dir: Path) -> None:
    """Forget all holds."""
    shutil.rmtree(state_dir / FOLDER, ignore_errors=True)


def _ref(text: str) -> Ref:
    pid, start_ticks = text.split()
    return Ref(int(pid), int(start_ticks))
