"""The line through a cloud's sizes, and what it says of a day."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import drift
from benchmarks.drift import Sample, Slope


def samples_of(*sizes: float) -> list[Sample]:
    return [Sample(boots=number * 500, mib={"api PSS": size}) for number, size in enumerate(sizes)]


def test_a_straight_growth_is_found_without_error() -> None:
    """Half a MiB per 500 boots is one per 1,000."""
    slope = drift.slopes(samples_of(10.0, 10.5, 11.0, 11.5))["api PSS"]
    assert slope.mib_per_1000 == pytest.approx(1.0)
    assert slope.error == pytest.approx(0.0)
    assert slope.last_mib == 11.5


def test_noise_shows_as_error() -> None:
    """Sizes that go up and down have a slope smaller than its error."""
    slope = drift.slopes(samples_of(10.0, 11.0, 10.0, 11.0, 10.0))["api PSS"]
    assert abs(slope.mib_per_1000) < slope.error


def test_two_samples_are_no_line() -> None:
    """Any two points lie on one, whatever they are."""
    assert drift.slopes(samples_of(10.0, 12.0)) == {}


def test_what_is_not_in_every_sample_is_left_out() -> None:
    """A daemon that came meanwhile has no line."""
    samples = samples_of(1.0, 2.0, 3.0)
    samples[0] = Sample(boots=0, mib={})
    assert drift.slopes(samples) == {}


def test_a_day_is_the_line_prolonged() -> None:
    """3,600 an hour are 86,400 in a day."""
    slope = Slope(mib_per_1000=2.0, error=0.5, last_mib=100.0)
    assert drift.after_a_day(slope, 3600.0) == (100.0 + 2.0 * 86.4, 0.5 * 86.4)


def test_a_folder_is_the_sum_of_its_files(tmp_path: Path) -> None:
    """Also of those in folders below."""
    (tmp_path / "below").mkdir()
    for path in (tmp_path / "a", tmp_path / "below" / "b"):
        path.write_bytes(b"x" * drift.MIB)
    assert drift.folder_mib(tmp_path) == 2.0
