"""The reference pages say what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_reference_pages_are_up_to_date() -> None:
    """`tools/gen_docs.py verify` finds no difference."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "gen_docs.py", "verify"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
