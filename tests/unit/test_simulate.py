"""The simulator: traces read and made, replays that give away no more than there is."""

from __future__ import annotations

import csv
import io
import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from oslo_config import cfg

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import ScheduleRequest
from devstack_lite.objects.resources import Resources
from services.scheduler import filters, weighers
from services.scheduler.decide import Decision, Scheduler
from services.scheduler.hosts import HostTable
from services.scheduler.simulate import configurations, generate, picture, report, trace
from services.scheduler.simulate.__main__ import Order, compare
from services.scheduler.simulate.run import Replay, replay
from services.scheduler.simulate.trace import Vm
from tests.unit.conftest import make_node

HEADER = "id,arrival,lifetime,cores,memory_gib"


def parsed(*lines: str) -> list[Vm]:
    return list(trace.parse([f"{line}\n" for line in lines], "t.csv"))


def table_of(count: int, **more: object) -> HostTable:
    table = HostTable()
    table.load([make_node(f"node{number}", **more) for number in range(count)])
    return table


def scheduler() -> Scheduler:
    return Scheduler(
        [("VCPUFilter", filters.VCPUFilter()), ("RamFilter", filters.RamFilter())],
        [(weighers.RAMWeigher(), 1.0)],
    )


def vm(number: int, arrival_s: float, lifetime_s: float | None, cores: int = 1) -> Vm:
    return Vm(
        id=str(number), arrival_s=arrival_s, lifetime_s=lifetime_s, cores=cores, memory_mb=1024
    )


def test_trace_of_our_columns() -> None:
    """Memory is rounded up to whole MiB; no lifetime means that it stays."""
    assert [
        Vm(id="a", arrival_s=5.0, lifetime_s=60.0, cores=2, memory_mb=1792),
        Vm(id="b", arrival_s=6.5, lifetime_s=None, cores=1, memory_mb=2),
    ] == parsed(HEADER, "a,5,60,2,1.75", "", "b,6.5,,1,0.00098")


def test_trace_of_azures_columns() -> None:
    """The names of Azure's documentation will do, and its open-ended buckets."""
    assert [Vm(id="x", arrival_s=300.0, lifetime_s=600.0, cores=30, memory_mb=70 * 1024)] == parsed(
        "vmid,subscriptionid,vmcreated,vmdeleted,vmcorecountbucket,vmmemorybucket",
        "x,s,300,900,>24,>64",
    )


def test_memory_in_mib_and_disk() -> None:
    """The header says the unit; an id that is missing is the line's number."""
    assert [Vm(id="2", arrival_s=0.0, lifetime_s=0.0, cores=1, memory_mb=512, disk_gb=3)] == parsed(
        "arrival,lifetime,cores,memory_mib,disk_gib", "0,0,1,512,2.5"
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "t.csv, line 1: the header has no column arrival."),
        (("arrival,lifetime,cores,memory",), "has no column memory_gib or memory_mib."),
        (("arrival,cores,memory_gib",), "has no column lifetime (or vmdeleted)."),
        ((HEADER, "a,0,1,1,1", "b,0,1"), "line 3: there are 3 values, fewer than the header has"),
        ((HEADER, "a,soon,1,1,1"), "line 2: arrival is 'soon', which is no number."),
        ((HEADER, "a,0,-1,1,1"), "line 2: lifetime is -1, and must be at least 0."),
        ((HEADER, "a,0,1,0,1"), "line 2: cores is 0, and must be at least 1."),
        ((HEADER, "a,0,1,1.5,1"), "line 2: cores is 1.5, and must be a whole number."),
        ((HEADER, "a,0,1,1,nan"), "line 2: memory_gib is nan, and must be finite."),
        (("vmcreated,vmdeleted,cores,memory_gib", "9,8,1,1"), "vmdeleted is 8, and must be at"),
    ],
)
def test_bad_rows_are_named(lines: Sequence[str], said: str) -> None:
    """One sentence that names the line."""
    with pytest.raises(Invalid) as caught:
        parsed(*lines)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


def test_empty_and_unreadable_traces(tmp_path: Path) -> None:
    """A header alone is no trace, and neither is what is no text."""
    (tmp_path / "empty.csv").write_text(HEADER)
    with pytest.raises(Invalid, match="has no VMs"):
        trace.read_trace(tmp_path / "empty.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Invalid, match="cannot be read as CSV"):
        trace.read_trace(tmp_path / "binary.csv")


def test_generated_traces_repeat_and_survive_the_file(tmp_path: Path) -> None:
    """The same seed gives the same VMs, another gives others; what is written is read."""
    vms = generate.generate(500, 7)
    assert vms == generate.generate(500, 7)
    assert vms != generate.generate(500, 8)
    trace.write_trace(vms, tmp_path / "t.csv")
    assert vms == trace.read_trace(tmp_path / "t.csv")


def test_generated_traces_have_the_figures_they_promise() -> None:
    """Sizes, lifetimes, core hours and what runs at once are as the module's docstring says."""
    vms = generate.generate(60_000, 3)
    count = len(vms)
    assert sum(one.cores <= 2 for one in vms) / count == pytest.approx(0.79, abs=0.02)
    assert sum(one.memory_mb < 4096 for one in vms) / count == pytest.approx(0.70, abs=0.02)
    arrivals = np.array([one.arrival_s for one in vms])
    lifetimes = np.array([one.lifetime_s for one in vms], dtype=float)
    cores = np.array([one.cores for one in vms])
    seen = np.minimum(lifetimes, 30 * generate.DAY_S - arrivals)
    assert seen.mean() / 3600 == pytest.approx(104_371_713 / 2_013_767, rel=0.05)
    assert (cores * seen).sum() / seen.sum() == pytest.approx(2.28, abs=0.15)
    assert (cores * seen)[lifetimes > generate.DAY_S].sum() > 0.94 * (cores * seen).sum()
    comes = arrivals > 0
    shares = np.histogram(lifetimes[comes], [0, 900, 3600, 86400, np.inf])[0] / comes.sum()
    assert shares.tolist() == pytest.approx([0.29, 0.32, 0.32, 0.07], abs=0.04)


def test_what_runs_at_first_is_what_runs_at_any_time() -> None:
    """A trace begins with as many VMs as it has in its midst, and they last as long."""
    vms = generate.generate(60_000, 5)
    arrivals = np.array([one.arrival_s for one in vms])
    ends = arrivals + np.array([one.lifetime_s for one in vms], dtype=float)
    at_first = (arrivals == 0).sum()
    for day in (5, 15, 25):
        moment = day * generate.DAY_S
        there = (arrivals <= moment) & (moment < ends)
        assert there.sum() == pytest.approx(at_first, rel=0.1)


def test_vms_come_in_batches_that_are_alike() -> None:
    """Those of one moment are of few sizes; most batches are of one VM, and some are large."""
    vms = [one for one in generate.generate(20_000, 3, days=300) if one.arrival_s > 0]
    together = [list(own) for _, own in itertools.groupby(vms, lambda one: one.arrival_s)]
    sizes = [len(own) for own in together]
    assert sum(size == 1 for size in sizes) / len(sizes) == pytest.approx(0.60, abs=0.03)
    assert np.mean(sizes) == pytest.approx(3.0, abs=0.4)
    assert max(sizes) > 50
    alike = [len({(one.cores, one.memory_mb) for one in own}) == 1 for own in together]
    assert sum(alike) / len(alike) > 0.95


def test_arrivals_follow_the_clock() -> None:
    """They come in order and within the days, more in the afternoon than at night."""
    vms = generate.generate(40_000, 3, days=28)
    arrivals = np.array([one.arrival_s for one in vms])
    assert (np.diff(arrivals) >= 0).all()
    assert arrivals[0] == 0
    assert arrivals[-1] <= 28 * 86400
    arrivals = arrivals[arrivals > 0]
    hours = (arrivals // 3600).astype(int)
    assert (hours % 24 == 14).sum() > 1.5 * (hours % 24 == 2).sum()
    weekend = np.isin(hours // 24 % 7, (5, 6)).sum() / 2
    assert weekend / ((len(arrivals) - 2 * weekend) / 5) == pytest.approx(generate.WEEKEND, abs=0.1)


def test_release_gives_back_what_consume_took() -> None:
    """After both, and the end of the build, the table is as it was."""
    table = table_of(2)
    size = Resources(vcpus=2, memory_mb=512, disk_gb=3, others={"CUSTOM_A": 1})
    before = {name: column.copy() for name, column in table.columns.items()}
    table.consume(1, size)
    assert [0, 2] == table.columns["vcpus_used"].tolist()
    table.finish_build(1)
    table.release(1, size)
    assert all((table.columns[name] == column).all() for name, column in before.items())


def test_who_goes_makes_room_for_who_comes() -> None:
    """One node for one VM: when it goes the next fits, and a second earlier it does not."""
    table = table_of(1, vcpus=1)
    vms = [vm(1, 0, 10), vm(2, 9, 10), vm(3, 10, None), vm(4, 1000, 1)]
    done = replay("r", scheduler(), table, vms)
    assert ["node0", None, "node0", None] == [one.node for one in done.placements]
    assert {"VCPUFilter": 2} == done.refusals
    assert [1.0] == table.columns["vcpus_used"].tolist()


class Watching(Scheduler):
    """Looks at the table at each decision."""

    def decide(self, table: HostTable, request: ScheduleRequest, count: int) -> Decision:
        decision = super().decide(table, request, count)
        for name in ("vcpus", "memory_mb"):
            assert (table.free(name) >= 0).all()
            assert (table.columns[f"{name}_used"] >= 0).all()
        return decision


def test_nothing_is_given_away_twice() -> None:
    """On a cloud that is too small, no node ever has less than nothing left; all is counted."""
    table = table_of(6, vcpus=16, memory_mb=65536)
    filtering = [("VCPUFilter", filters.VCPUFilter()), ("RamFilter", filters.RamFilter())]
    watching = Watching(filtering, [(weighers.RAMWeigher(), 1.0)])
    vms = generate.generate(3000, 5)
    done = replay("r", watching, table, vms, build_s=60.0)
    placed = [one for one in done.placements if one.node is not None]
    assert 0 < len(placed) < len(vms)
    assert len(vms) == len(placed) + done.refusals.total()
    end_s = vms[-1].arrival_s
    there = [
        one.vm for one in placed
        if one.vm.lifetime_s is None or one.vm.arrival_s + one.vm.lifetime_s > end_s
    ]  # fmt: skip
    assert sum(one.cores for one in there) == table.columns["vcpus_used"].sum()
    assert len(there) == table.columns["instances"].sum() == done.samples[-1].instances
    assert all(0 <= one.vcpus_used <= 1 and 0 <= one.memory_used <= 1 for one in done.samples)


def test_builds_count_while_they_last() -> None:
    """A build is under way for its time, or until the VM goes."""
    for build_s, under_way in ((0.0, 0), (5.0, 1), (20.0, 2)):
        table = table_of(1)
        vms = [vm(1, 0, None), vm(2, 8, 2), vm(3, 11, None)]
        replay("r", scheduler(), table, vms, build_s=build_s)
        assert [under_way] == table.columns["io_ops"].tolist()


def test_fragmentation_as_defined() -> None:
    """Free VCPUs beside too little memory are fragmented and stranded; memory likewise."""
    table = HostTable()
    table.load([
        make_node("no-memory", vcpus=4, memory_mb=4096, memory_mb_used=4096),
        make_node("no-vcpus", vcpus=4, memory_mb=4096, vcpus_used=4),
        make_node("free", vcpus=4, memory_mb=4096),
    ])  # fmt: skip
    done = replay("r", scheduler(), table, [vm(1, 0, None), vm(2, 1, None)], samples=1)
    last = done.samples[-1]
    assert last.vcpus_fragmented == pytest.approx(4 / 6)
    assert last.vcpus_stranded == pytest.approx(4 / 12)
    assert last.memory_stranded == pytest.approx(4096 / 12288)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    trace.write_trace(generate.generate(400, 2), tmp_path / "small.csv")
    return tmp_path / "small.csv"


def test_two_configurations_see_the_same_trace(small: Path, tmp_path: Path) -> None:
    """Each VM is decided about by both; spreading uses more nodes than packing; all repeats."""
    packing = tmp_path / "packing.conf"
    packing.write_text(
        "[filter_scheduler]\nweight_classes = RAMWeigher\nram_weight_multiplier = -1\n"
    )
    spreading = tmp_path / "spreading.conf"
    spreading.write_text("[filter_scheduler]\nweight_classes = RAMWeigher\n")
    order = Order(trace=str(small), nodes=40, config=(str(spreading), str(packing)))
    spread, packed = compare(order)
    assert ["spreading", "packing"] == [spread.name, packed.name]
    assert [one.vm for one in spread.placements] == [one.vm for one in packed.placements]
    assert (
        report.summarize(packed)["means"]["nodes_used"]
        < (report.summarize(spread)["means"]["nodes_used"])
    )
    again = compare(order)
    assert [spread.placements, packed.placements] == [one.placements for one in again]
    assert [spread.samples, packed.samples] == [one.samples for one in again]


def test_versus_changes_one_of_two(small: Path) -> None:
    """--set holds for both, --versus for the second; the process's configuration is left alone."""
    order = Order(
        trace=str(small), nodes=5, settings=("compute.node_vcpus=16",),
        versus=("ram_weight_multiplier=-1", "enabled_filters=VCPUFilter,RamFilter"),
    )  # fmt: skip
    first, second = compare(order)
    assert "default" == first.name
    assert "ram_weight_multiplier=-1 enabled_filters=VCPUFilter,RamFilter" == second.name
    assert 1.0 == cfg.CONF.filter_scheduler.ram_weight_multiplier


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("cpu_weight_multiplier", "must be OPTION=VALUE"),
        ("no_such=1", "There is no option no_such in [filter_scheduler] or [scheduler]."),
        ("compute.no_such=1", "There is no option no_such in [compute]."),
        ("cpu_weight_multiplier=much", "cpu_weight_multiplier=much will not do: "),
        ("compute.node_vcpus=0", "compute.node_vcpus=0 will not do: "),
        ("weight_classes=NoSuchWeigher", "is named NoSuchWeigher."),
    ],
)
def test_settings_that_no_option_takes(small: Path, setting: str, said: str) -> None:
    """They are refused with one sentence."""
    with pytest.raises(Invalid) as caught:
        compare(Order(trace=str(small), settings=(setting,)))
    assert said in str(caught.value)


def test_files_of_one_name_are_told_apart() -> None:
    """By their paths."""
    plan = configurations.plan([Path("a/x.conf"), Path("b/x.conf")], (), ())
    assert ["a/x.conf", "b/x.conf"] == [one.name for one in plan]


def replays() -> list[Replay]:
    vms = [vm(1, 0, 10, cores=3), vm(2, 3600, None, cores=3), vm(3, 7200, 5, cores=9)]
    return [replay(name, scheduler(), table_of(2), vms, samples=4) for name in ("a<b", "c")]


def test_picture_is_well_formed() -> None:
    """It is XML, with one line per panel and replay, within its bounds."""
    root = ET.fromstring(picture.draw(replays()))
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert 2 * len(picture.PANELS) == len(lines)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for line in lines:
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_csv_of_samples_and_placements() -> None:
    """A row per sample and one per VM, for each replay."""
    samples, placements = io.StringIO(), io.StringIO()
    report.write_samples(replays(), samples)
    report.write_placements(replays(), placements)
    rows = list(csv.DictReader(io.StringIO(samples.getvalue())))
    assert ["1800", "3600", "5400", "7200"] == [row["time_s"] for row in rows[:4]]
    assert 8 == len(rows)
    rows = list(csv.DictReader(io.StringIO(placements.getvalue())))
    assert ["node0", "node0", ""] == [row["node"] for row in rows[:3]]
    assert "VCPUFilter" == rows[2]["refused_by"]


def test_command_makes_and_replays(tmp_path: Path) -> None:
    """From the shell: a trace, its replay with files beside it, and a bad line as one sentence."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "devstack_lite.cli.main", "simulate", *arguments],
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip

    assert 0 == run("--generate", "200", "-o", "t.csv").returncode
    done = run("t.csv", "--nodes", "3", "--svg", "t.svg", "--csv", "u.csv", "--json")
    assert 0 == done.returncode, done.stderr
    assert 200 == json.loads(done.stdout)[0]["vms"]
    assert (tmp_path / "t.svg").exists()
    assert (tmp_path / "u.csv").exists()
    (tmp_path / "t.csv").write_text(f"{HEADER}\na,0,1,none,1\n")
    bad = run("t.csv")
    assert 1 == bad.returncode
    assert "Error: t.csv, line 2: cores is 'none', which is no number.\n" == bad.stderr
    assert 2 == run().returncode
