"""Flame graphs: reading stacks, their layout, and the SVG."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from benchmarks import flame, profile
from benchmarks.flame import Box

STACKS = {("a", "b"): 1, ("a", "c"): 2, ("d",): 1}


def test_raw_stacks_are_read_and_merged() -> None:
    """Names may hold spaces; lines without a number are no stacks."""
    text = "main (x.py:1);f g (y.py:2) 3\nmain (x.py:1);f g (y.py:2) 4\n\nnothing\n"
    assert flame.parse_collapsed(text) == {("main (x.py:1)", "f g (y.py:2)"): 7}


def test_boxes_lie_above_their_callers() -> None:
    """Each is as wide as its samples, and children fill at most their parent's place."""
    assert flame.layout(STACKS) == [
        Box(name="a", depth=0, left=0.0, width=0.75, samples=3),
        Box(name="b", depth=1, left=0.0, width=0.25, samples=1),
        Box(name="c", depth=1, left=0.25, width=0.5, samples=2),
        Box(name="d", depth=0, left=0.75, width=0.25, samples=1),
    ]


def test_no_samples_are_no_boxes() -> None:
    """An idle daemon draws nothing, and the picture is still one."""
    assert flame.layout({}) == []
    assert ET.fromstring(flame.svg({}, "nothing")).tag.endswith("svg")


def test_the_svg_has_a_title_for_each_box() -> None:
    """Names are escaped, whatever the code calls itself."""
    root = ET.fromstring(flame.svg({("<module> & co",): 3, ("b",): 1}, "a < b"))
    titles = [one.text for one in root.iter() if one.tag.endswith("title")]
    assert titles == ["<module> & co: 3 samples, 75.0%", "b: 1 samples, 25.0%"]


def test_boxes_too_narrow_to_see_are_left_out() -> None:
    """One sample in a million is no pixel."""
    root = ET.fromstring(flame.svg({("a",): 10**6, ("b",): 1}, ""))
    assert sum(one.tag.endswith("title") for one in root.iter()) == 1


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("raw_decode (json/decoder.py:353)", "json"),
        ("notify (threading.py:382)", "threading"),
        ("Connection.ensure (oslo_messaging/_drivers/impl_rabbit.py:9)", "oslo_messaging"),
        ("f (a) (kombu/x.py:1)", "kombu"),
    ],
)
def test_a_frame_has_a_package(frame: str, expected: str) -> None:
    """The first part of the file's path."""
    assert flame.package_of(frame) == expected


def test_cpu_time_is_shared_out_by_samples() -> None:
    """A daemon's milliseconds are split over its packages; those of others do not mix."""
    by_daemon = {
        "api": Counter({("m (json/a.py:1)",): 3, ("m (webob/a.py:1)",): 1}),
        "image": Counter({("m (json/a.py:1)",): 5}),
    }
    found = profile.by_package(by_daemon, {"api": 8.0, "image": 1.0, "broker": 2.0})
    assert found == {"json": 7.0, "webob": 2.0}


def test_each_daemon_stands_below_its_name() -> None:
    """The same function in two daemons is two boxes."""
    found = profile.together({"api": Counter({("f",): 1}), "image": Counter({("f",): 2})})
    assert found == {("api", "f"): 1, ("image", "f"): 2}
