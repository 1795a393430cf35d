"""The example package, installed from outside and named in the configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack_lite.paths import DEPLOY
from tests.integration.whole_cloud import WholeCloud, bring_up

pytestmark = pytest.mark.cloud

EXAMPLE = DEPLOY.parent / "examples" / "scheduler-plugin"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the package into a folder of its own, and have daemons find it there."""
    folder = tmp_path_factory.mktemp("plugins")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder),
         str(EXAMPLE)],
        check=True, timeout=120,
    )  # fmt: skip
    kept = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), kept]))
    yield folder
    if kept is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = kept


@pytest.fixture(scope="module")
def cloud(plugins: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCloud]:
    with bring_up(tmp_path_factory.mktemp("plugin"), "plugin") as found:
        yield found


def test_a_filter_and_a_weigher_from_outside_decide(cloud: WholeCloud) -> None:
    """Named in the file and the daemon restarted, they are in each decision."""
    path = cloud.record.etc_dir / "scheduler.conf"
    text = path.read_text()
    wanted = "[filter_scheduler]\nenabled_filters = ComputeFilter,QuietHostFilter,VCPUFilter\n"
    wanted += "weight_classes = RAMWeigher,EvenNodesWeigher\n"
    path.write_text(f"{text}\n{wanted}")
    cloud.command("restart", "scheduler")
    cloud.wait_for(cloud.boot("plugged"), "ACTIVE")
    (decision,) = json.loads(cloud.command("explain", "plugged", "--json"))
    assert [one["name"] for one in decision["filters"]] == [
        "ComputeFilter", "QuietHostFilter", "VCPUFilter",
    ]  # fmt: skip
    assert set(decision["best"][0]["scores"]) == {"RAMWeigher", "EvenNodesWeigher"}
