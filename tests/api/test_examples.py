"""The example packages' own tests, as somebody who has installed them runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
TESTED = sorted(path.parent for path in EXAMPLES.glob("*/tests"))


@pytest.mark.parametrize("package", TESTED, ids=lambda path: path.name)
def test_its_own_tests_pass(package: Path, tmp_path: Path) -> None:
    """Each in a process of its own, with nothing but its own folder and this tree to import."""
    places = [str(package / "src"), str(EXAMPLES.parent)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", package,
         "--confcutdir", package, "-c", os.devnull, package / "tests"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
