"""Stage profiles: what they may say, what they are told, and what is drawn from them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_hypervisor import libvirt
from fake_hypervisor.profile import BUILT_IN, STAGES, ProfileError, load_profile
from fake_hypervisor.stages import StageEngine
from fake_hypervisor.uri import make_uri

Connect = Callable[..., libvirt.virConnect]
MakeXml = Callable[..., str]
WriteProfile = Callable[[str], str]


@pytest.fixture
def write_profile(tmp_path: Path) -> WriteProfile:
    """Return a function that stores a profile and returns its path."""

    def write(text: str) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return str(path)

    return write


def engine_of(path: str, slept: list[float] | None = None, seed: int | None = 1) -> StageEngine:
    """Return an engine that writes its waits down instead of waiting."""
    waits = slept if slept is not None else []
    return StageEngine.load(path, seed, sleep=waits.append)


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*.yaml")), ids=lambda path: path.stem)
def test_built_in_profiles_load(path: Path) -> None:
    """Every profile that is shipped is valid and says what it is."""
    profile = load_profile(path.stem)
    assert profile.name == path.stem
    assert profile.description


def test_instant_is_free() -> None:
    """The default profile neither waits nor fails, at any stage."""
    slept: list[float] = []
    engine = engine_of("instant", slept)
    assert all(engine.is_free(stage) for stage in STAGES)
    assert not any(engine.run(stage).failed for stage in STAGES)
    assert slept == []


def test_a_realistic_boot_takes_about_four_seconds() -> None:
    """Image, port, definition and start take 2.5 to 4 s, before the control plane's part."""
    engine = engine_of("realistic")
    boots = [
        sum(
            engine.decide(stage).delay_s
            for stage in ("image.fetch", "network.plug", "domain.define", "domain.create")
        )
        for _ in range(200)
    ]
    assert 2.5 < statistics.mean(boots) < 4.0


def test_chaos_fails_some_and_spares_who_asks() -> None:
    """chaos fails about a tenth of the starts, all that ask for it and none that ask not to."""
    engine = engine_of("chaos")
    failed = sum(engine.decide("domain.create").failed for _ in range(1000))
    assert 60 < failed < 140
    always, never = ({"metadata": {"chaos": word}} for word in ("always", "never"))
    assert all(engine.decide("domain.create", always).failed for _ in range(50))
    assert not any(engine.decide(stage, never).failed for stage in STAGES for _ in range(50))


BROKEN: list[tuple[str, str]] = [
    ("stages: [", "mine.yaml: while parsing"),
    ("- a", "mine.yaml: the document must be a mapping, got list"),
    ("stagse: {}", "mine.yaml: stagse is not a known key; there are description, stages"),
    ("stages: {domain.crate: {}}", "mine.yaml: stages.domain.crate is not a known key"),
    ("stages: {domain.create: 3}", "stages.domain.create must be a mapping, got int"),
    ("stages: {domain.create: {dealy: 3}}", "stages.domain.create.dealy is not a known key"),
    ("stages: {domain.create: {delay: fast}}", "stages.domain.create.delay must be a number"),
    ("stages: {domain.create: {delay: -1}}", "stages.domain.create.delay must be 0 or more"),
    ("stages: {domain.create: {delay: .inf}}", "stages.domain.create.delay must be 0 or more"),
    ("stages: {domain.create: {delay: true}}", "delay must be a number, got True"),
    (
        "stages: {domain.create: [{}, {delay: {distribution: gauss}}]}",
        "stages.domain.create[1].delay.distribution must be one of exponential, lognormal",
    ),
    (
        "stages: {domain.create: {delay: {distribution: normal, mean_s: 1}}}",
        "stages.domain.create.delay.sd_s is missing; normal needs mean_s, sd_s",
    ),
    (
        "stages: {domain.create: {delay: {distribution: uniform, min_s: 2, max_s: 1}}}",
        "delay.min_s must not be greater than max_s",
    ),
    (
        "stages: {domain.create: {delay: {distribution: exponential, mean_s: 0}}}",
        "delay.mean_s must be greater than 0",
    ),
    (
        "stages: {domain.create: {delay: {distribution: lognormal, median_s: 0, sigma: 1}}}",
        "delay.median_s must be greater than 0",
    ),
    (
        "stages: {domain.create: {failure: {probability: 2}}}",
        "failure.probability must lie between 0 and 1, got 2",
    ),
    (
        "stages: {domain.create: {failure: {code: VIR_ERR_OOPS}}}",
        "failure.code must be the name of a libvirt error, got 'VIR_ERR_OOPS'",
    ),
    ("stages: {domain.create: {failure: {kind: sulk}}}", "failure.kind must be error or hang"),
    ("stages: {domain.create: {failure: {hang_s: 1}}}", "failure.hang_s belongs to kind: hang"),
    ("stages: {domain.create: {when: {flavour: x}}}", "when.flavour is not a known key"),
    (
        "stages: {domain.create: {when: {metadata: {slow: yes}}}}",
        "when.metadata.slow must be a text (put it in quotes), got True",
    ),
    ("stages: {domain.create: {when: {flavor: []}}}", "when.flavor needs a text or a list"),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN)
def test_a_broken_profile_says_where(write_profile: WriteProfile, text: str, expected: str) -> None:
    """The complaint is one sentence that names the file and the key."""
    path = write_profile(text)
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_an_unknown_profile_names_the_known_ones() -> None:
    """A wrong name lists the right ones; a wrong path is named as it is."""
    with pytest.raises(ProfileError, match="chaos, instant, realistic"):
        load_profile("realisitc")
    with pytest.raises(ProfileError, match="no such profile file"):
        load_profile("/nowhere/mine.yaml")


def test_an_unknown_stage_is_a_mistake_of_the_caller() -> None:
    """A stage that nobody plays raises ValueError and is not silently free."""
    with pytest.raises(ValueError, match=r"no stage 'image\.fecth'"):
        StageEngine.load("instant").run("image.fecth")


DELAYS: list[tuple[str, float, float, float]] = [
    ("1.5", 1.5, 1.5, 1.5),
    ("{distribution: uniform, min_s: 1, max_s: 3}", 1.0, 2.0, 3.0),
    ("{distribution: normal, mean_s: 2, sd_s: 0.1}", 1.0, 2.0, 3.0),
    ("{distribution: lognormal, median_s: 2, sigma: 0.1}", 1.0, 2.0, 4.0),
    ("{distribution: exponential, mean_s: 2}", 0.0, 2.0, 60.0),
]


@pytest.mark.parametrize(("delay", "low", "mean", "high"), DELAYS)
def test_delays_follow_their_distribution(
    write_profile: WriteProfile, delay: str, low: float, mean: float, high: float
) -> None:
    """A thousand draws stay in range and near the mean, and are what is slept."""
    slept: list[float] = []
    engine = engine_of(write_profile(f"stages: {{domain.create: {{delay: {delay}}}}}"), slept)
    drawn = [engine.run("domain.create").delay_s for _ in range(1000)]
    assert drawn == slept
    assert low <= min(drawn)
    assert max(drawn) <= high
    assert statistics.mean(drawn) == pytest.approx(mean, rel=0.15)


def test_jitter_moves_a_delay_both_ways_but_never_below_zero(write_profile: WriteProfile) -> None:
    """A constant of 0.1 s with 0.3 s of jitter lies between 0 and 0.4 s."""
    engine = engine_of(write_profile("stages: {domain.create: {delay: 0.1, jitter_s: 0.3}}"))
    drawn = [engine.decide("domain.create").delay_s for _ in range(500)]
    assert min(drawn) == 0.0
    assert 0.3 < max(drawn) <= 0.4


SELECTORS = """
stages:
  domain.create:
    - when: {flavor: "m1.*", image: [cirros, "ubuntu-*"], metadata: {tier: gold}}
      delay: 1
    - when: {node: "rack2-*"}
      delay: 2
    - when: {host: slow-host}
      delay: 3
    - delay: 4
"""


@pytest.mark.parametrize(
    ("selectors", "delay_s"),
    [
        ({"flavor": "m1.tiny", "image": "ubuntu-24", "metadata": {"tier": "gold"}}, 1),
        ({"flavor": "m1.tiny", "image": "debian", "metadata": {"tier": "gold"}}, 4),
        ({"flavor": "m1.tiny", "image": "cirros", "metadata": {"tier": "tin"}}, 4),
        ({"flavor": "m1.tiny", "image": "cirros"}, 4),
        ({"node": "rack2-07", "host": "slow-host"}, 2),
        ({"node": "rack1-07", "host": "slow-host"}, 3),
        ({}, 4),
    ],
)
def test_the_first_rule_that_matches_is_used(
    write_profile: WriteProfile, selectors: dict[str, Any], delay_s: float
) -> None:
    """Every condition of a rule must hold, a list is any of them, and order decides."""
    engine = engine_of(write_profile(SELECTORS))
    assert engine.decide("domain.create", selectors).delay_s == delay_s


def test_a_failure_is_libvirts(write_profile: WriteProfile) -> None:
    """A failed stage waits its delay, then gives the code and the text of the profile."""
    slept: list[float] = []
    text = "{probability: 1, code: VIR_ERR_NO_STORAGE_VOL, message: the image is gone}"
    path = write_profile(f"stages: {{image.fetch: {{delay: 2, failure: {text}}}}}")
    outcome = engine_of(path, slept).run("image.fetch")
    error = outcome.to_error()
    assert error is not None
    assert (error.get_error_code(), outcome.message) == (50, "the image is gone")
    assert slept == [2.0]


def test_a_hang_waits_and_then_times_out(write_profile: WriteProfile) -> None:
    """A hang takes hang_s and ends in VIR_ERR_OPERATION_TIMEOUT."""
    slept: list[float] = []
    path = write_profile("stages: {domain.create: {failure: {kind: hang, hang_s: 90}}}")
    error = engine_of(path, slept).run("domain.create").to_error()
    assert error is not None
    assert error.get_error_code() == libvirt.VIR_ERR_OPERATION_TIMEOUT
    assert slept == [90.0]


@given(seed=st.integers(), extra=st.integers(min_value=0, max_value=20))
def test_a_seed_decides_everything(seed: int, extra: int) -> None:
    """Two engines of one seed agree, however often another stage has run in one of them."""
    first, second = (StageEngine.load("chaos", seed) for _ in range(2))
    for _ in range(extra):
        second.decide("image.fetch")
    assert [first.decide("domain.create") for _ in range(20)] == [
        second.decide("domain.create") for _ in range(20)
    ]


def test_a_failing_create_changes_nothing(
    tmp_path: Path, write_profile: WriteProfile, connect: Connect, make_xml: MakeXml
) -> None:
    """The domain is matched by its own metadata, and after the failure it is as it was."""
    rule = "{when: {flavor: cursed}, failure: {code: VIR_ERR_INTERNAL_ERROR, message: boom}}"
    path = write_profile(f"stages: {{domain.create: {rule}}}")
    conn = connect(profile=path)
    cursed = conn.defineXML(make_xml("cursed", metadata="<flavor name='cursed'/>"))
    before = conn.hypervisor.list_domains("node-1")
    with pytest.raises(libvirt.libvirtError, match="internal error: boom"):
        cursed.create()
    with pytest.raises(libvirt.libvirtError, match="boom"):
        conn.createXML(make_xml("cursed-2", metadata="<flavor name='cursed'/>"))
    assert conn.hypervisor.list_domains("node-1") == before
    conn.defineXML(make_xml("blessed", metadata="<flavor name='blessed'/>")).create()
    assert [domain.name() for domain in conn.listAllDomains(1)] == ["blessed"]


def test_open_reports_a_bad_profile(tmp_path: Path) -> None:
    """A profile that cannot be used fails at open, as a mistake in the configuration."""
    with pytest.raises(libvirt.libvirtError, match="no profile has this name") as caught:
        libvirt.open(make_uri(tmp_path, "n", profile="nonesuch"))
    assert caught.value.get_error_code() == libvirt.VIR_ERR_CONF_SYNTAX
