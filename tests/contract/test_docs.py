"""The reference pages say what the code says."""

from __future__ import annotations

import re
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


def test_each_promise_names_a_test_that_is_there() -> None:
    """Every test that docs/failure-modes.md leans on exists, and each of its rows leans on one."""
    text = (ROOT / "docs" / "failure-modes.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text)
    assert len(named) >= 20
    for path, test in named:
        assert f"\ndef {test}(" in (ROOT / path).read_text(), f"{path}::{test}"
    rows = [line for line in text.splitlines() if line.startswith("| ") and "| fault |" not in line]
    assert all("::test_" in row or "Random" in row for row in rows), rows
