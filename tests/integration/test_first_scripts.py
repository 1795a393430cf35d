"""The first scripts of examples/, each a process of its own, against a cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.integration.conftest import ROOT
from tests.integration.whole_cloud import WholeCloud

pytestmark = pytest.mark.cloud

SCRIPTS = ROOT / "examples" / "first-scripts"


def run_script(cloud: WholeCloud, name: str, *arguments: str, user: str = "demo") -> str:
    """Run a script as somebody who has just said `eval "$(devstack-lite env)"`."""
    done = subprocess.run(
        [sys.executable, SCRIPTS / name, *arguments],
        env={**os.environ, **cloud.credentials(user)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_token_by_v2(whole_cloud: WholeCloud) -> None:
    """The token is good for the compute API that its catalog names."""
    said = json.loads(run_script(whole_cloud, "keystone_token.py"))
    assert said["catalog"]["compute"] == whole_cloud.record.endpoints["compute"]
    assert whole_cloud.compute("GET", "/servers", token=said["token"]).status == 200


def test_images_through_compute(whole_cloud: WholeCloud) -> None:
    """In the form that Nova gave them, linked to the image service."""
    (image,) = json.loads(run_script(whole_cloud, "image_detail.py"))["images"]
    assert (image["id"], image["name"]) == (whole_cloud.image_id, "cirros")
    assert (image["status"], image["progress"]) == ("ACTIVE", 100)
    by_rel = {link["rel"]: link["href"] for link in image["links"]}
    assert by_rel["alternate"].startswith(whole_cloud.record.endpoints["image"])


def test_images_through_novaclient(whole_cloud: WholeCloud) -> None:
    """With -v it says what it asks."""
    shown = run_script(whole_cloud, "image_list.py", "-v")
    assert f"{whole_cloud.image_id} cirros ACTIVE".lower() in shown.lower()
    assert "/v2/images" in shown


def test_flavors_through_novaclient(whole_cloud: WholeCloud) -> None:
    """The five that every cloud began with, in their order."""
    head, *rows = run_script(whole_cloud, "flavor_list.py").splitlines()
    assert head.split()[:3] == ["ID", "Name", "Memory_MB"]
    assert [row.split()[1] for row in rows[:5]] == [
        "m1.tiny", "m1.small", "m1.medium", "m1.large", "m1.xlarge",
    ]  # fmt: skip
