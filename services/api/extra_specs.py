"""What a flavor's extra specs may ask for, checked where they are set and where they are used.

Rules and words are Nova's, which checks names and values since 2.86. What asks for resources is
checked again when a server shall have the flavor: there Nova leaves out what it cannot make sense
of, and here the boot is refused instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.resources import GROUP, GROUP_POLICIES, amount_of, is_class
from devstack_lite.standard_traits import standard

_RESOURCE = re.compile(rf"resources{GROUP}:(.*)")
_TRAIT = re.compile(rf"trait{GROUP}:(.*)")
_CUSTOM_TRAIT = re.compile(r"CUSTOM_[A-Z0-9_]+")


def _check_integer(name: str, value: str) -> None:
    try:
        int(value)
    except ValueError as error:
        raise Invalid(f"Validation failed; '{value}' is not a valid integer value.") from error


def _check_choice(*choices: str) -> Callable[[str, str], None]:
    def check(name: str, value: str) -> None:
        if value not in choices:
            raise Invalid(f"Validation failed; '{value}' is not one of: {', '.join(choices)}.")

    return check


def _is_trait(name: str) -> bool:
    return name in standard() or _CUSTOM_TRAIT.fullmatch(name) is not None


_NAMESPACES = (
    (_RESOURCE, is_class, _check_integer),
    (_TRAIT, _is_trait, _check_choice("required", "forbidden")),
)
"""Names in them, which of those there are, and what their values may be."""
_PLAIN = {"group_policy": _check_choice(*GROUP_POLICIES)}


def check_extra_specs(specs: Mapping[str, Any]) -> None:
    """Raise Invalid for names and values that ask for nothing there could be."""
    for name, value in specs.items():
        if name in _PLAIN:
            _PLAIN[name](name, str(value))
        for namespace, is_known, check in _NAMESPACES:
            if (match := namespace.fullmatch(name)) is None:
                continue
            if not is_known(match[2]):
                raise Invalid(
                    f"Validation failed; extra spec '{name}' does not appear to be a valid extra"
                    " spec."
                )
            check(name, str(value))


def check_resources(specs: Mapping[str, Any]) -> None:
    """Raise Invalid for resources that no server can have: no such class, or no such amount."""
    for name, value in specs.items():
        match = _RESOURCE.fullmatch(name)
        if match is None:
            continue
        if not is_class(match[2]):
            raise Invalid(f"Received an invalid ResourceClass '{match[2]}' in extra_specs.")
        if amount_of(value) is None:
            raise Invalid(f"Resource amounts must be nonnegative integers. Received '{value}'")
