"""Each benchmark says what it is for, and the table of benchmarks has it."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = [
    one.name
    for one in pkgutil.iter_modules(benchmarks.__path__)
    if hasattr(importlib.import_module(f"benchmarks.{one.name}"), "main")
]


@pytest.mark.parametrize("name", MODULES)
def test_it_says_what_it_measures(name: str) -> None:
    """SUMMARY is a sentence, and `--help` says it and ends with 0."""
    summary = importlib.import_module(f"benchmarks.{name}").SUMMARY
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert summary.endswith(".")
    assert done.returncode == 0, done.stderr
    assert summary in " ".join(done.stdout.split())


def test_the_table_has_each_benchmark() -> None:
    """benchmarks/README.md has a line for each module that has a main, and for no other."""
    text = (ROOT / "benchmarks" / "README.md").read_text()
    named = [line.split("benchmarks.")[1].split("`")[0] for line in text.splitlines()
             if line.startswith("| `python -m")]  # fmt: skip
    assert sorted(named) == sorted(MODULES)
