"""What installed packages offer, read from real entry points."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack_lite.plugins import discover

NAMESPACE = "devstack_lite.tests.things"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with two packages, of which one cannot be imported."""
    for name, module, text in (
        ("good-things", "good_things", "class Thing:\n    pass\n"),
        ("bad-things", "bad_things", "import no_such_module_anywhere\n"),
    ):
        (tmp_path / f"{module}.py").write_text(text)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{NAMESPACE}]\n{module} = {module}:Thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_what_cannot_be_imported_is_named(folder: Path) -> None:
    """With what it names and the reason; the others are there."""
    bad, good = discover(NAMESPACE)
    assert (bad.name, bad.source, bad.loaded) == ("bad_things", "bad_things:Thing", None)
    assert bad.problem == (
        "it cannot be imported (ModuleNotFoundError: No module named 'no_such_module_anywhere')"
    )
    assert (str(good), good.loaded.__name__, good.problem) == (
        "good_things (good_things:Thing)", "Thing", "",
    )  # fmt: skip


def test_nobody_offers_anything() -> None:
    """An unknown namespace is empty."""
    assert discover("devstack_lite.tests.nothing") == []
