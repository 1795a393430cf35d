"""What an operator says that nodes have besides: files as Nova's provider.yaml, read at the start.

All *.yaml of the folder in the option provider_config_location. A provider is a node, by its name
or its uuid; `$COMPUTE_NODE` is each node of the host that no file names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import yaml

from devstack_lite.objects.registry import Json
from devstack_lite.objects.resources import CUSTOM_CLASS

EVERY_NODE = "$COMPUTE_NODE"
MAX_INTEGER = 0x7FFFFFFF
"""Placement's default for max_unit, and the most that it takes of any amount."""

_COUNT = {"type": "integer", "minimum": 1, "maximum": MAX_INTEGER}
_INVENTORY = {
    "type": "object",
    "properties": {
        "total": _COUNT,
        "reserved": {**_COUNT, "minimum": 0},
        "min_unit": _COUNT,
        "max_unit": _COUNT,
        "step_size": _COUNT,
        "allocation_ratio": {"type": "number", "exclusiveMinimum": 0},
    },
    "required": ["total"],
    "additionalProperties": False,
}
_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "meta": {
            "type": "object",
            "properties": {"schema_version": {"type": "string", "pattern": r"^1\.(0|[1-9]\d*)$"}},
            "required": ["schema_version"],
        },
        "providers": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "identification": {
                        "type": "object",
                        "properties": {
                            "uuid": {"type": "string", "minLength": 1},
                            "name": {"type": "string", "minLength": 1, "maxLength": 200},
                        },
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": False,
                    },
                    "inventories": {
                        "type": "object",
                        "properties": {
                            "additional": {
                                "type": "array",
                                "items": {"type": "object", "additionalProperties": _INVENTORY},
                            }
                        },
                    },
                    "traits": {
                        "type": "object",
                        "properties": {
                            "additional": {"type": "array", "items": {"type": "string"}}
                        },
                    },
                },
                "required": ["identification"],
            },
        },
    },
    "required": ["meta"],
}
_DEFAULTS: Json = {
    "reserved": 0, "min_unit": 1, "max_unit": MAX_INTEGER, "step_size": 1, "allocation_ratio": 1.0,
}  # fmt: skip
_CUSTOM_TRAIT = re.compile(r"CUSTOM_[A-Z0-9_]{1,248}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What one node has besides: inventories by class, with every field; traits."""

    inventories: Json = field(default_factory=dict)
    traits: frozenset[str] = frozenset()


class ProviderConfig:
    """The providers of all files, by what they are identified by."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = dict(providers)

    def of(self, *, name: str, uuid: str) -> Provider:
        """Return what a node has. Raises ValueError when it is named and given by uuid, too."""
        own = [one for key in (name, uuid) if (one := self._providers.get(key)) is not None]
        if len(own) > 1:
            raise ValueError(
                f"The same provider is specified using both name '{name}' and uuid '{uuid}'."
            )
        return own[0] if own else self._providers.get(EVERY_NODE, Provider())


def load_provider_config(folder: str | None) -> ProviderConfig:
    """Return what the files of a folder say; a folder that is not there says nothing.

    Raises ValueError, one sentence that names the file, for what is not valid.
    """
    found: dict[str, tuple[Path, Provider]] = {}
    for path in sorted(Path(folder).glob("*.yaml")) if folder else ():
        for key, provider in _read(path):
            if key in found:
                names = ", ".join(sorted({found[key][0].name, path.name}))
                raise ValueError(f"Provider {key} has multiple definitions in {names}.")
            found[key] = (path, provider)
    return ProviderConfig({key: provider for key, (_, provider) in found.items()})


def _read(path: Path) -> Iterator[tuple[str, Provider]]:
    try:
        content = yaml.safe_load(path.read_text())
        jsonschema.validate(content, _SCHEMA)
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"Unable to read provider config {path}: {error}") from error
    except jsonschema.ValidationError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        raise ValueError(f"Provider config {path}: {error.message} at /{where}") from error
    for one in content.get("providers", ()):
        key = one["identification"].get("uuid") or one["identification"].get("name")
        yield str(key), _provider(path, one)


def _provider(path: Path, one: Json) -> Provider:
    listed = one.get("inventories", {}).get("additional", ())
    inventories = {
        name: {**_DEFAULTS, **own} for several in listed for name, own in several.items()
    }
    traits = frozenset(one.get("traits", {}).get("additional", ()))
    for names, pattern, what in (
        (inventories, CUSTOM_CLASS, "resource class, only custom resource classes"),
        (traits, _CUSTOM_TRAIT, "traits, only custom traits"),
    ):
        others = sorted(name for name in names if pattern.fullmatch(name) is None)
        if others:
            raise ValueError(f"{path}: Invalid {what} are allowed: {', '.join(others)}")
    for name, own in inventories.items():
        if own["reserved"] > own["total"] or own["min_unit"] > own["max_unit"]:
            raise ValueError(f"{path}: Invalid inventory for '{name}': {own}")
    return Provider(inventories=inventories, traits=traits)
