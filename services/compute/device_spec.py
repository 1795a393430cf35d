"""The option [pci] device_spec: which of a node's devices guests may have, and their tags.

Forms and rules are Nova's: an address with wildcards, or an object of regular expressions.
"""

from __future__ import annotations

import functools
import json
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devstack_lite.objects.pci import PciDevice
from devstack_lite.objects.registry import Json
from devstack_lite.pci.truth import flag_of

ANY = "*"
_PARTS = ("domain", "bus", "slot", "function")
_FLAGS = ("managed", "live_migratable", "one_time_use")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """Some of a node's devices. vendor_id and product_id are ANY, or four digits."""

    vendor_id: str
    product_id: str
    address: tuple[re.Pattern[str], ...]
    """Of domain, bus, slot and function."""
    is_single: bool
    """The address is that of one function; so it stands for that one's virtual functions, too."""
    tags: Json

    def matches(self, device: PciDevice) -> bool:
        """Say whether a device is one of them."""
        return (
            self.vendor_id in {ANY, device.vendor_id}
            and self.product_id in {ANY, device.product_id}
            and (
                self._is_at(device.address)
                or (
                    self.is_single
                    and device.parent_addr is not None
                    and self._is_at(device.parent_addr)
                )
            )
        )

    def _is_at(self, address: str) -> bool:
        return all(
            pattern.match(part) is not None
            for pattern, part in zip(self.address, parts_of(address), strict=True)
        )


def parts_of(address: str) -> tuple[str, ...]:
    """Return the texts of domain, bus, slot and function of an address."""
    rest, _, function = address.partition(".")
    return (*rest.split(":"), function)


@functools.lru_cache(maxsize=8)
def parse_device_specs(options: tuple[str, ...]) -> tuple[DeviceSpec, ...]:
    """Return what the option says, of which the first that matches a device counts.

    Raises ValueError, one sentence.
    """
    found: list[DeviceSpec] = []
    for text in options:
        try:
            document = json.loads(text)
        except ValueError as error:
            raise _wrong(f"Invalid entry: '{text}'") from error
        if not isinstance(document, (dict, list)):
            raise _wrong(f"Invalid entry: '{text}'; Expecting list or dict")
        for entry in document if isinstance(document, list) else [document]:
            if not isinstance(entry, dict):
                raise _wrong(f"Invalid entry: '{entry}'; Expecting dict")
            found.append(_parse(dict(entry)))
    return tuple(found)


def _parse(tags: Json) -> DeviceSpec:
    vendor_id = _number(tags.pop("vendor_id", ANY).strip(), "vendor_id", 0xFFFF, 4)
    product_id = _number(tags.pop("product_id", ANY), "product_id", 0xFFFF, 4)
    if "devname" in tags:
        raise _wrong("devname names a network device of a real host: give an address")
    address = tags.pop("address", None) or "*:*:*.*"
    texts = _regexes(address) if isinstance(address, dict) else _globs(address)
    for name in _FLAGS:
        if tags.get(name) is not None:
            try:
                tags[name] = flag_of(tags[name])
            except ValueError as error:
                raise _wrong(f"Cannot parse tag '{name}': {error}") from error
    if tags.get("one_time_use") == "true":
        raise _wrong("one_time_use=true requires pci.report_in_placement to be enabled")
    return DeviceSpec(
        vendor_id=vendor_id, product_id=product_id, tags=tags,
        address=tuple(re.compile(text) for text in texts),
        is_single=all(set(text.removesuffix(_END)) <= set(string.hexdigits) for text in texts),
    )  # fmt: skip


def _regexes(address: Json) -> list[str]:
    texts = [address.get(name, ".*") for name in _PARTS]
    try:
        for text in texts:
            re.compile(text)
    except (re.error, TypeError) as error:
        raise _wrong_address(address) from error
    return texts


def _globs(address: Any) -> list[str]:
    if not isinstance(address, str):
        raise _wrong_address(address)
    rest, _, function = address.partition(".")
    last = _glob(function, "func", 7, 1)
    parts = rest.split(":") if rest else []
    if len(parts) > 3:
        raise _wrong_address(address)
    # What is left off, or empty, at the front is any.
    texts = [ANY] * (3 - len(parts)) + parts
    return [*(_glob(text, *sizes) for text, sizes in zip(texts, _SIZES, strict=True)), last]


def _glob(text: str, name: str, most: int, digits: int) -> str:
    number = _number(text.strip() or ANY, name, most, digits)
    return ".*" if number == ANY else number + _END


_SIZES = (("domain", 0xFFFF, 4), ("bus", 0xFF, 2), ("slot", 0x1F, 2))
"""Of each part but the function: its name, the most it can be and its digits."""
_END = r"\Z"


def _number(text: str, name: str, most: int, digits: int) -> str:
    if text == ANY:
        return ANY
    try:
        value = int(text, 16)
    except ValueError as error:
        raise _wrong(f"property {name} ('{text}') does not parse as a hex number.") from error
    if value > most:
        raise _wrong(
            f"property {name} ({text}) is greater than the maximum allowable value ({most:X})."
        )
    return f"{value:0{digits}x}"


def tags_of(specs: Sequence[DeviceSpec], device: PciDevice) -> Json | None:
    """Return the tags of a device that guests may have, None of one that they may not."""
    return next((spec.tags for spec in specs if spec.matches(device)), None)


def _wrong(reason: str) -> ValueError:
    return ValueError(f"Invalid [pci]device_spec config: {reason}")


def _wrong_address(address: Any) -> ValueError:
    return ValueError(f"The PCI address {address} has an incorrect format.")
