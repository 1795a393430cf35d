"""What a query string asks of providers: resources, traits, aggregates and trees, by groups."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import ComputeNode
from devstack_lite.wsgi.versions import ApiVersion
from services.placement.resources import has_room, known_classes
from services.placement.traits import known as known_traits

_KEY = re.compile(r"(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{1,64})?")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")

FORBIDDEN_TRAITS = ApiVersion(1, 22)
REPEATED_MEMBER_OF = ApiVersion(1, 24)
NUMBERED_GROUPS = ApiVersion(1, 25)
IN_TREE = ApiVersion(1, 31)
FORBIDDEN_AGGREGATES = ApiVersion(1, 32)
NAMED_GROUPS = ApiVersion(1, 33)
ANY_TRAITS = ApiVersion(1, 39)


@dataclass(slots=True, kw_only=True)
class Group:
    """What one group of parameters asks of one provider."""

    resources: dict[str, int] = field(default_factory=dict)
    required: list[frozenset[str]] = field(default_factory=list)
    """Of each set the provider has at least one trait."""
    forbidden: set[str] = field(default_factory=set)
    member_of: list[frozenset[str]] = field(default_factory=list)
    """Of each set of aggregates the provider is in at least one."""
    outside_of: set[str] = field(default_factory=set)
    in_tree: str | None = None

    def fits(self, node: ComputeNode, aggregates: Iterable[str]) -> bool:
        """Say whether a node has what is asked for, but for the room for the resources."""
        traits, own = set(node.traits), set(aggregates)
        return (
            all(traits & any_of for any_of in self.required)
            and not traits & self.forbidden
            and all(own & any_of for any_of in self.member_of)
            and not own & self.outside_of
            and self.in_tree in {None, node.id}
        )

    def has_room(self, node: ComputeNode) -> bool:
        """Say whether the node has room for the resources, too."""
        return has_room(node, self.resources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The words that a request may use."""

    traits: frozenset[str]
    classes: Collection[str]

    @classmethod
    def of(cls, nodes: Collection[ComputeNode]) -> Known:
        """Return what is known where there are these nodes."""
        return cls(traits=known_traits(nodes), classes=known_classes(nodes))


def groups_of(
    pairs: Iterable[tuple[str, str]], version: ApiVersion, known: Known
) -> dict[str, Group]:
    """Return the groups that a query string asks for, by suffix; "" has none. Raises Invalid."""
    groups: dict[str, Group] = {}
    seen: set[str] = set()
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if match is None:
            continue
        kind, suffix = match[1], match[2] or ""
        _check_suffix(key, suffix, version)
        may_repeat = (kind == "member_of" and version >= REPEATED_MEMBER_OF) or (
            kind == "required" and version >= ANY_TRAITS
        )
        if key in seen and not may_repeat:
            raise Invalid(f"Query parameter '{key}' may only be specified once.")
        seen.add(key)
        group = groups.setdefault(suffix, Group())
        if kind == "resources":
            group.resources = parse_resources(value, known.classes)
        elif kind == "required":
            _require(group, value, version, known.traits)
        elif kind == "member_of":
            _place(group, value, version)
        else:
            if version < IN_TREE:
                raise Invalid(f"Invalid query string parameters: '{key}' was unexpected")
            group.in_tree = _uuid(value, "in_tree")
    return groups


def _check_suffix(key: str, suffix: str, version: ApiVersion) -> None:
    is_number = suffix.isdecimal() and not suffix.startswith("0")
    if not suffix or version >= NAMED_GROUPS or (version >= NUMBERED_GROUPS and is_number):
        return
    raise Invalid(f"Invalid query string parameters: '{key}' was unexpected")


def parse_resources(text: str, known: Collection[str]) -> dict[str, int]:
    """Return amounts by class of `VCPU:1,MEMORY_MB:512`. Raises Invalid."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, colon, amount = part.partition(":")
        is_amount = amount.isascii() and amount.isdecimal() and len(amount) < 10 and int(amount)
        if not colon or not is_amount:
            raise Invalid(
                "Badly formed resources parameter. Expected resources query string parameter in"
                f' form: ?resources=VCPU:2,MEMORY_MB:1024. Got: "{text}".'
            )
        if name not in known:
            raise Invalid(
                f"Invalid resource class in resources parameter: No such resource class {name}."
            )
        found[name] = int(amount)
    return found


def _require(group: Group, text: str, version: ApiVersion, known: frozenset[str]) -> None:
    if text.startswith("in:") and version >= ANY_TRAITS:
        wanted = text.removeprefix("in:").split(",")
        group.required.append(frozenset(wanted))
        names = wanted
    else:
        parts = text.split(",")
        unwanted = {one[1:] for one in parts if one.startswith("!")}
        if unwanted and version < FORBIDDEN_TRAITS:
            raise Invalid(
                "Invalid query string parameters: Expected 'required' parameter value of the form:"
                f' HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: "{text}"'
            )
        wanted = [one for one in parts if not one.startswith("!")]
        group.required += [frozenset({one}) for one in wanted]
        group.forbidden |= unwanted
        names = [*wanted, *unwanted]
    if not all(names):
        raise Invalid(f"Invalid query string parameters: empty trait names in '{text}'")
    check_traits(names, known)
    both = group.forbidden & {name for any_of in group.required if len(any_of) == 1
                              for name in any_of}  # fmt: skip
    if both:
        raise Invalid(f"Conflicting required and forbidden traits found: {', '.join(sorted(both))}")


def check_traits(names: Iterable[str], known: frozenset[str]) -> None:
    """Raise Invalid for traits that there are not."""
    unknown = sorted(set(names) - known)
    if unknown:
        raise Invalid(f"No such trait(s): {', '.join(unknown)}.")


def _place(group: Group, text: str, version: ApiVersion) -> None:
    is_outside = text.startswith("!")
    if is_outside and version < FORBIDDEN_AGGREGATES:
        raise Invalid(
            f"Invalid query string parameters: forbidden member_of is not supported: '{text}'"
        )
    value = text.removeprefix("!")
    several = value.removeprefix("in:").split(",") if value.startswith("in:") else [value]
    names = frozenset(_uuid(one, "member_of") for one in several)
    if is_outside:
        group.outside_of |= names
    else:
        group.member_of.append(names)


def _uuid(text: str, name: str) -> str:
    if _UUID.fullmatch(text) is None:
        raise Invalid(f"Invalid query string parameters: Expected '{name}' to be a UUID: '{text}'")
    return text.lower()


def only(given: Iterable[str], allowed: Mapping[str, ApiVersion], version: ApiVersion) -> None:
    """Raise Invalid for a parameter that is not known in this version."""
    for name in given:
        if name not in allowed or version < allowed[name]:
            raise Invalid(
                f"Invalid query string parameters: Additional properties are not allowed ('{name}'"
                " was unexpected)"
            )
