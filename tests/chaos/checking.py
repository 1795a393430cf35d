"""Runs `devstack-lite check` on a test's cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.integration.whole_cloud import WholeCloud

WAIT_S = 100
"""A host looks at its domains once a minute; what it may have too much is gone by then."""


def check(cloud: WholeCloud, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code of a check and its report."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "devstack_lite.cli.main", "check", "--name", cloud.name,
         "--json", *arguments],
        env={**os.environ, "DEVSTACK_LITE_HOME": str(cloud.home)},
        capture_output=True, text=True, timeout=WAIT_S + 60, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


def assert_valid(cloud: WholeCloud) -> None:
    """Wait until the cloud is at rest; all invariants hold."""
    code, report = check(cloud, "--wait", str(WAIT_S))
    assert code == 0, report
