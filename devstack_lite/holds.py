"""Says which of a cloud's daemons shall stay down: a host without power has no daemon.

A hold is a file in `<state>/held`, named after the process; it outlives whoever made it, and ends
with the cloud's next start. The supervisor looks before it starts a daemon again.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from devstack_lite.cloud import make_private_folder

FOLDER = "held"


def hold(state_dir: Path, name: str) -> None:
    """Have a daemon that ends not be started again; idempotent. It is not ended by this."""
    make_private_folder(state_dir / FOLDER)
    (state_dir / FOLDER / name).touch(mode=0o600)


def release(state_dir: Path, name: str) -> bool:
    """Let a daemon be started again; say whether it was held."""
    path = state_dir / FOLDER / name
    was_held = path.exists()
    path.unlink(missing_ok=True)
    return was_held


def is_held(state_dir: Path, name: str) -> bool:
    """Say whether a daemon shall stay down."""
    return (state_dir / FOLDER / name).exists()


def clear(state_dir: Path) -> None:
    """Forget all holds."""
    shutil.rmtree(state_dir / FOLDER, ignore_errors=True)
