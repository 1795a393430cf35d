"""docs/extending.md, followed by somebody who copies every file and types every command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devstack_lite.paths import DEPLOY
from tests.integration.whole_cloud import BIN, bring_up

pytestmark = pytest.mark.cloud

PAGE = DEPLOY.parent / "docs" / "extending.md"
BLOCK = re.compile(
    r"(?:^(?P<append>Append to )?`(?P<file>[\w/.]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def follow(folder: Path) -> str:
    """Make a page's files in folder; return its commands as one script, files where they come."""
    script = ["set -euo pipefail"]
    for block in BLOCK.finditer(PAGE.read_text()):
        if block["kind"] == "sh":
            script.append(block["text"])
            continue
        assert block["file"], block["text"]
        stage = folder / ".stages" / str(len(script))
        stage.parent.mkdir(exist_ok=True)
        stage.write_text(block["text"])
        sign = ">>" if block["append"] else ">"
        target = block["file"]
        script.append(f"mkdir -p {Path(target).parent}; cat {stage} {sign} {target}")
    return "\n".join(script)


def test_the_page_works_as_it_is_written(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file and command in its order; pip puts packages into a folder of the test's own."""
    packages = tmp_path / "packages"
    commands = tmp_path / "bin"
    for one in (packages, commands):
        one.mkdir()
    pip = commands / "pip"
    pip.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m pip "$@" --quiet --no-deps --target {packages}'
        " --upgrade\n"
    )
    pip.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(commands), str(BIN), os.environ["PATH"]]))
    places = [str(packages), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
    home = tmp_path_factory.mktemp("page")
    script = follow(tmp_path)
    with bring_up(home, "page"):
        done = subprocess.run(
            ["bash", "-c", script],
            env={**os.environ, "DEVSTACK_LITE_HOME": str(home), "DEVSTACK_LITE_NAME": "page"},
            cwd=tmp_path, capture_output=True, text=True, timeout=170, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert '{"hello":"world"}' in done.stdout
    assert "4 passed" in done.stdout
    assert '"os-colours:rgb":"#ff0000"' in done.stdout
    assert "X-Colours: red" in done.stdout
