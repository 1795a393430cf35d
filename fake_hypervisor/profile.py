"""Reads a stage profile: YAML in, checked rules out.

A profile says per stage how long it takes and how often it fails:

    description: slow disks
    stages:
      domain.create:
        - when: {flavor: "m1.*", metadata: {slow: "yes"}}
          delay: {distribution: lognormal, median_s: 3, sigma: 0.4}
          failure: {probability: 0.1, code: VIR_ERR_INTERNAL_ERROR, message: no memory}
        - delay: 1.5
          jitter_s: 0.2

A stage has one rule or a list; the first whose `when` matches is used, and a stage without one
takes no time and never fails. In `when` a text is a shell pattern and a list is "any of them".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from fake_hypervisor.distributions import FAMILIES, STRICTLY_POSITIVE, Delay
from fake_hypervisor.errors import ERROR_CODES

Selectors = Mapping[str, str | Mapping[str, str]]
"""What an operation is about: flavor, image, host, node, project, user, and metadata."""

SELECTOR_KEYS = ("flavor", "host", "image", "metadata", "node", "project", "user")
BUILT_IN = Path(__file__).parent / "profiles"

STAGES: dict[str, str] = {
    "image.fetch": "the image's bytes come to the host",
    "image.upload": "a snapshot's bytes go to the image service",
    "network.plug": "a port is plugged into the host's switch",
    "network.unplug": "a port is taken out again",
    "volume.attach": "a volume is connected to the host",
    "volume.detach": "a volume is disconnected",
    "domain.define": "the domain's definition is stored",
    "domain.undefine": "the domain's definition is removed",
    "domain.create": "the guest starts",
    "domain.destroy": "the guest is cut off",
    "domain.shutdown": "the guest shuts itself down, after the call has returned",
    "domain.reboot": "the guest restarts itself, after the call has returned",
    "domain.reset": "the guest's reset button is pressed",
    "domain.inject_nmi": "the guest is sent a non-maskable interrupt",
    "domain.suspend": "the guest's processors are stopped",
    "domain.resume": "the guest's processors run again",
    "domain.migrate": "the running guest goes to another node",
    "domain.save": "the guest's memory is written to disk",
    "disk.snapshot": "a disk goes on in another file",
    "disk.merge": "files that a disk consists of become one",
    "device.attach": "a disk or an interface is added to the domain",
    "device.detach": "a disk or an interface is taken from the domain",
}
"""Every stage that is played, and what it stands for."""

# Longer than every timeout of the control plane, so that a hang looks like one.
DEFAULT_HANG_S = 3600.0


class ProfileError(ValueError):
    """A profile cannot be used; the text names the file, the key and what is wrong."""


INSTANTLY = Delay()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a stage fails: at once with a libvirt error, or (`hang_s` set) after that long."""

    probability: float
    code_name: str = "VIR_ERR_INTERNAL_ERROR"
    message: str = "simulated failure"
    hang_s: float | None = None

    @property
    def code(self) -> int:
        """The number of code_name."""
        return ERROR_CODES[self.code_name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one stage does for whatever `when` matches."""

    when: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """(key, metadata key or "", patterns), all of which must match."""
    delay: Delay = INSTANTLY
    failure: Failure | None = None

    @property
    def is_free(self) -> bool:
        """Whether it takes no time and never fails, whatever the operation is about."""
        return not self.when and self.delay.is_zero and self.failure is None

    def matches(self, selectors: Selectors) -> bool:
        """Return whether every condition holds; what selectors leave out matches nothing."""
        for key, metadata_key, patterns in self.when:
            value = selectors.get(key)
            if isinstance(value, Mapping):
                value = value.get(metadata_key)
            if value is None or not any(fnmatchcase(value, pattern) for pattern in patterns):
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The rules of each stage, in their order."""

    name: str
    description: str
    stages: Mapping[str, tuple[Rule, ...]]


def find_profile(name_or_path: str) -> Path:
    """Return the file of a built-in profile's name or of a path to a YAML file.

    Raises ProfileError when there is no such file.
    """
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        path = Path(name_or_path).expanduser()
        if not path.is_file():
            raise ProfileError(f"{path}: there is no such profile file")
        return path
    path = BUILT_IN / f"{name_or_path}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in BUILT_IN.glob("*.yaml")))
        raise ProfileError(f"{name_or_path}: no profile has this name; there are {known}")
    return path


def load_profile(name_or_path: str) -> Profile:
    """Return the checked profile; raises ProfileError in one sentence."""
    path = find_profile(name_or_path)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise ProfileError(f"{path}: {' '.join(str(exc).split())}") from exc
    return _Reader(str(path)).profile(path.stem, document)


class _Reader:
    """Turns the parsed YAML into rules; knows the file's name for its complaints."""

    def __init__(self, source: str) -> None:
        self._source = source

    def profile(self, name: str, document: Any) -> Profile:
        document = self._mapping("", document, {"description", "stages"})
        stages = self._mapping("stages", document.get("stages") or {}, set(STAGES))
        return Profile(
            name=name,
            description=self._text("description", document.get("description", "")),
            stages={
                stage: self._rules(f"stages.{stage}", rules) for stage, rules in stages.items()
            },
        )

    def _rules(self, key: str, value: Any) -> tuple[Rule, ...]:
        if isinstance(value, list):
            return tuple(self._rule(f"{key}[{i}]", rule) for i, rule in enumerate(value))
        return (self._rule(key, value),)

    def _rule(self, key: str, value: Any) -> Rule:
        value = self._mapping(key, value, {"when", "delay", "jitter_s", "failure"})
        return Rule(
            when=self._when(f"{key}.when", value.get("when", {})),
            delay=self._delay(key, value),
            failure=self._failure(f"{key}.failure", value["failure"])
            if "failure" in value
            else None,
        )

    def _when(self, key: str, value: Any) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        conditions: list[tuple[str, str, tuple[str, ...]]] = []
        for name, wanted in self._mapping(key, value, set(SELECTOR_KEYS)).items():
            if name == "metadata":
                inner = self._mapping(f"{key}.metadata", wanted, None)
                conditions += [
                    ("metadata", str(k), self._patterns(f"{key}.metadata.{k}", v))
                    for k, v in inner.items()
                ]
            else:
                conditions.append((name, "", self._patterns(f"{key}.{name}", wanted)))
        return tuple(conditions)

    def _patterns(self, key: str, value: Any) -> tuple[str, ...]:
        patterns = value if isinstance(value, list) else [value]
        if not patterns:
            raise self._wrong(key, "needs a text or a list of texts, got an empty list")
        return tuple(self._text(key, pattern) for pattern in patterns)

    def _delay(self, key: str, rule: Mapping[str, Any]) -> Delay:
        value = rule.get("delay", 0)
        jitter_s = self._number(f"{key}.jitter_s", rule.get("jitter_s", 0))
        key = f"{key}.delay"
        if not isinstance(value, dict):
            return Delay(constant_s=self._number(key, value), jitter_s=jitter_s)
        family = value.get("distribution")
        if family not in FAMILIES:
            raise self._wrong(
                f"{key}.distribution", f"must be one of {_join(FAMILIES)}, got {family!r}"
            )
        names = FAMILIES[family].parameters
        self._mapping(key, value, {"distribution", *names})
        parameters: dict[str, float] = {}
        for name in names:
            if name not in value:
                raise self._wrong(f"{key}.{name}", f"is missing; {family} needs {_join(names)}")
            parameters[name] = self._number(f"{key}.{name}", value[name])
            if not parameters[name] and {name, f"{family}.{name}"} & STRICTLY_POSITIVE:
                raise self._wrong(f"{key}.{name}", "must be greater than 0")
        if parameters.get("min_s", 0.0) > parameters.get("max_s", float("inf")):
            raise self._wrong(f"{key}.min_s", "must not be greater than max_s")
        return Delay(family=family, parameters=parameters, jitter_s=jitter_s)

    def _failure(self, key: str, value: Any) -> Failure:
        allowed = {"probability", "kind", "code", "message", "hang_s"}
        value = self._mapping(key, value, allowed)
        probability = self._number(f"{key}.probability", value.get("probability", 1))
        if probability > 1:
            raise self._wrong(
                f"{key}.probability", f"must lie between 0 and 1, got {probability:g}"
            )
        kind = value.get("kind", "error")
        if kind not in {"error", "hang"}:
            raise self._wrong(f"{key}.kind", f"must be error or hang, got {kind!r}")
        if kind == "error" and "hang_s" in value:
            raise self._wrong(f"{key}.hang_s", "belongs to kind: hang")
        default = "VIR_ERR_OPERATION_TIMEOUT" if kind == "hang" else "VIR_ERR_INTERNAL_ERROR"
        code = value.get("code", default)
        if code not in ERROR_CODES:
            raise self._wrong(f"{key}.code", f"must be the name of a libvirt error, got {code!r}")
        hang_s = self._number(f"{key}.hang_s", value.get("hang_s", DEFAULT_HANG_S))
        return Failure(
            probability=probability,
            code_name=code,
            message=self._text(f"{key}.message", value.get("message", "simulated failure")),
            hang_s=hang_s if kind == "hang" else None,
        )

    def _mapping(self, key: str, value: Any, allowed: set[str] | None) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise self._wrong(key, f"must be a mapping, got {type(value).__name__}")
        if allowed is not None and (unknown := [k for k in value if k not in allowed]):
            where = f"{key}.{unknown[0]}" if key else str(unknown[0])
            raise self._wrong(where, f"is not a known key; there are {_join(allowed)}")
        return value

    def _number(self, key: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, f"must be a number, got {value!r}")
        if not 0 <= value < float("inf"):
            raise self._wrong(key, f"must be 0 or more, got {value:g}")
        return float(value)

    def _text(self, key: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self._wrong(key, f"must be a text (put it in quotes), got {value!r}")
        return value

    def _wrong(self, key: str, problem: str) -> ProfileError:
        return ProfileError(f"{self._source}: {key or 'the document'} {problem}")


def _join(names: Any) -> str:
    return ", ".join(sorted(names))
