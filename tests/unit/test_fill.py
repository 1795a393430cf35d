"""What `fill` asks for: so many in all, in the shares of the mix, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from devstack_lite.cli.fill import batches, read_mix
from devstack_lite.exceptions import Invalid


@pytest.mark.parametrize(("instances", "size"), [(1, 100), (100, 100), (1001, 100), (50, 7)])
def test_all_are_asked_for_in_requests_of_at_most_that_size(instances: int, size: int) -> None:
    asked = list(batches({"a": 3.0, "b": 1.0}, instances, size, 1))
    assert sum(count for _, count in asked) == instances
    assert max(count for _, count in asked) <= size
    assert asked == list(batches({"a": 3.0, "b": 1.0}, instances, size, 1))


def test_the_shares_are_kept() -> None:
    counted: Counter[str] = Counter()
    for flavor, count in batches({"a": 3.0, "b": 1.0}, 10_000, 100, 7):
        counted[flavor] += count
    assert 7_300 < counted["a"] < 7_700


@pytest.mark.parametrize("text", ["", "- a", "a: no", "a: 0", "a: -1", "{", "x"])
def test_a_file_that_is_no_mix_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(text)
    with pytest.raises(Invalid):
        read_mix(path)


def test_a_mix_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("m1.tiny: 3\nm1.small: 0.5\n")
    assert read_mix(path) == {"m1.tiny": 3.0, "m1.small": 0.5}
