"""What daemons say of themselves while they start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devstack_lite.cli import complaints
from devstack_lite.cli.complaints import Complaints


@dataclass
class Printing:
    """A process as far as its output goes."""

    name: str
    daemon: str
    output_file: Path


def test_only_what_is_new_and_a_daemons_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sentence once; not what was there before, nor what libraries print."""
    api = Printing("api", "api", tmp_path / "api.out")
    host = Printing("compute-host1", "compute", tmp_path / "compute-host1.out")
    monkeypatch.setattr(complaints.processes, "of", lambda _cloud: (api, host))
    api.output_file.write_text("api: an old one\n")
    cloud: Any = None
    said = Complaints(cloud)
    assert said.new() == []
    with api.output_file.open("a") as file:
        file.write("Traceback\napi: left out\napi: left out\n")
    host.output_file.write_text("compute: no room\n")
    assert said.new() == ["api: left out", "compute: no room"]
