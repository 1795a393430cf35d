"""What a flavor's extra spec `pci_passthrough:alias` asks for, by the option [pci] alias.

Names, rules and words are Nova's.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from oslo_config import cfg

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.pci import PciDeviceType, PciRequest
from devstack_lite.objects.registry import Json
from devstack_lite.pci.truth import flag_of

EXTRA_SPEC = "pci_passthrough:alias"

_FORM = re.compile(r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*")
_HEX = {"type": "string", "pattern": r"^([\da-fA-F]{4})$"}
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 256},
        "capability_type": {"type": "string", "enum": ["pci"]},
        "product_id": _HEX,
        "vendor_id": _HEX,
        "device_type": {
            "type": "string",
            "enum": [
                str(one)
                for one in (PciDeviceType.STANDARD, PciDeviceType.SRIOV_PF, PciDeviceType.SRIOV_VF)
            ],
        },
        "numa_policy": {"type": "string", "enum": ["required", "legacy", "preferred", "socket"]},
        "resource_class": {"type": "string"},
        "traits": {"type": "string"},
        "live_migratable": {"type": "string"},
    },
}

_VALIDATOR = Draft202012Validator(_SCHEMA)


def requests_of(extra_specs: Mapping[str, str]) -> tuple[PciRequest, ...]:
    """Return what a flavor asks for; nothing, and no option is read, when it asks for no devices.

    Raises Invalid.
    """
    text = extra_specs.get(EXTRA_SPEC)
    return () if text is None else translate(text, tuple(cfg.CONF.pci.alias))


@functools.lru_cache(maxsize=256)
def translate(text: str, options: tuple[str, ...]) -> tuple[PciRequest, ...]:
    """Return the requests that `name:count,name2:count` stands for. Raises Invalid."""
    aliases = parse_aliases(options)
    if not _FORM.fullmatch(text):
        raise Invalid(
            f"Invalid value '{text}' of {EXTRA_SPEC}: must be of format $alias:$count, with commas"
            " between several."
        )
    found = []
    for part in text.split(","):
        name, count = part.split(":")
        name = name.strip()
        if name not in aliases:
            raise Invalid(f"PCI alias {name} is not defined")
        numa_policy, specs = aliases[name]
        found.append(
            PciRequest(
                alias_name=name, count=int(count), spec=tuple(specs), numa_policy=numa_policy
            )
        )
    return tuple(found)


@functools.lru_cache(maxsize=16)
def parse_aliases(options: tuple[str, ...]) -> dict[str, tuple[str, list[Json]]]:
    """Return by name the NUMA policy, and the specs of which any will do. Raises Invalid."""
    aliases: dict[str, tuple[str, list[Json]]] = {}
    for text in options:
        try:
            spec = json.loads(text)
        except ValueError as error:
            raise _wrong(str(error)) from error
        problem = best_match(_VALIDATOR.iter_errors(spec))
        if problem is not None:
            raise _wrong(problem.message)
        name = spec.pop("name").strip()
        numa_policy = spec.pop("numa_policy", None) or "legacy"
        _normalize(spec)
        known = aliases.setdefault(name, (numa_policy, []))
        if known[0] != numa_policy:
            raise _wrong(f"NUMA policy mismatch for alias '{name}'")
        if known[1] and known[1][0].get("dev_type") != spec.get("dev_type"):
            raise _wrong(f"Device type mismatch for alias '{name}'")
        known[1].append(spec)
    nameless = sorted(
        name
        for name, (_, specs) in aliases.items()
        if any(not {"vendor_id", "product_id"} <= spec.keys() for spec in specs)
    )
    if nameless:
        raise Invalid(
            f"The PCI alias(es) {','.join(nameless)} does not have vendor_id and product_id fields"
            " set."
        )
    return aliases


def _normalize(spec: Json) -> None:
    if "device_type" in spec:
        spec["dev_type"] = spec.pop("device_type")
    if "live_migratable" in spec:
        try:
            spec["live_migratable"] = flag_of(spec["live_migratable"])
        except ValueError as error:
            raise _wrong(str(error)) from error


def _wrong(reason: str) -> Invalid:
    return Invalid(f"Invalid PCI alias definition: {reason}")
