"""Values that a JSON schema takes, and such as it nearly takes, by a seed.

A value is made as the schema wants it; then up to three of its places get something else: what lies
just beyond a bound, another type, nothing at all, or a property that nobody knows.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

UUID = "99999999-8888-4777-8666-555555555555"
TEXTS = [
    "", " ", "x", "a-b", "a:b", " x", "x ", "a b", "é", "😀", "a\n", "\t", "%", "(", "*", "[", "\\",
    "a/b", "a,b", "a.b", "a_b", "a@b", "-1", "0", "1", "01", "+1", "1.5", "1e3", "0x10", "²", "1_0",
    " 1", "99999999999", "99999999999999999999", "nan", "inf", "null", "true", "True", "TRUE", "t",
    "yes", "Yes", "YES", "on", "On", "ON", "off", "Off", "no", "No", "NO", "false", "False",
    "y",
    "None", "10.0.0.5", "10.0.0.0/24", "10.0.0", "256.0.0.1", "::1", "fd00::/64", "fe80::1%eth0",
    "2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01", "2026", "2026-13-01T00:00:00Z",
    "2026-01-01 00:00:00", "20260101T000000Z", "2026-01-01T00:00:00.5+02:00", "default", "active",
    "ACTIVE", "auto", "none", "AUTO", "manual", "asc", "desc", "created_at", "uuid", "ssh", "x509",
    "hard", "HARD", "enable", "a" * 60, "a" * 61, "a" * 63, "a" * 64, "a" * 255, "a" * 256,
    "1" * 255, "1" * 256, UUID, UUID.replace("-", ""), UUID.upper(), f"{{{UUID}}}",
    f"urn:uuid:{UUID}", UUID[:-1], "/dev/vda", "/dev/vdb1", "vda", "aGVsbG8=", "aGVsbG8", "====",
    "host.example.com", "host.", "-host", "a", "4294967296", "2147483647", "2147483648",
    "http://127.0.0.1:1/x", "affinity", "anti-affinity", "soft-affinity", "\u2028", "\xa0x", "\x7f",
]  # fmt: skip
"""Without NUL and halves of characters, which not every database takes."""
NUMBERS = [
    0,
    1,
    -1,
    2,
    64,
    255,
    256,
    2**31 - 1,
    2**31,
    2**63,
    2**70,
    -(2**31),
    0.5,
    1.0,
    -0.5,
    1e30,
]
OTHERS: list[Any] = [None, True, False, [], {}, [[]], [None], [{}], {"": None}, {"x": {"x": []}}]
HOSTILE: list[Any] = [*OTHERS, *OTHERS, *NUMBERS, *TEXTS]
NAMES = ["color", "1", "hw:x", "a b", "a.b", "é", "a\n", "", "a" * 255, "a" * 256, "a/b"]


class Values:
    """Makes values of schemas."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._places: list[tuple[Any, Any, Schema]] = []

    def near(self, schema: Schema) -> Any:
        """Return a value that the schema takes, or nearly."""
        self._places = []
        made = self._plain(schema)
        for _ in range(self._chance.choice((0, 1, 1, 1, 1, 2, 3))):
            if not self._places:
                return self._chance.choice([made, {"unknown": 1}, *OTHERS])
            self._spoil(*self._chance.choice(self._places))
        return made

    def _spoil(self, container: Any, key: Any, schema: Schema) -> None:
        draw = self._chance.random()
        is_there = key in container if isinstance(container, dict) else key < len(container)
        if draw < 0.15 and is_there:
            del container[key]
        elif draw < 0.25 and isinstance(container, dict):
            container[self._chance.choice(["unknown", *NAMES])] = self._chance.choice(HOSTILE)
        elif is_there and draw < 0.65:
            container[key] = self._chance.choice(self._beyond(schema))
        elif is_there:
            container[key] = copy.deepcopy(self._chance.choice(HOSTILE))

    def _beyond(self, schema: Schema) -> list[Any]:
        """Return values at and beyond the bounds that a schema, or a branch of it, names."""
        found: list[Any] = [None, ""]
        for one in _with_branches(schema):
            found += [value for value in one.get("enum", ()) if value is not None]
            found += [str(value).swapcase() for value in one.get("enum", ())]
            for bound in ("minLength", "maxLength"):
                if bound in one:
                    found += ["a" * n for n in range(one[bound] - 1, one[bound] + 2) if n >= 0]
            for bound in ("minimum", "maximum"):
                if bound in one:
                    near = [one[bound] + step for step in (-1, 0, 1)]
                    found += [*near, *map(str, near)]
            for bound in ("minItems", "maxItems"):
                if bound in one:
                    item = self._plain(one.get("items", {}))
                    found += [[item] * n for n in range(one[bound] - 1, one[bound] + 2) if n >= 0]
                    found.append([self._plain(one.get("items", {})) for _ in range(one[bound] + 1)])
            if one.get("uniqueItems"):
                item = self._plain(one.get("items", {}))
                found.append([item, item])
        return [*found, *self._chance.sample(TEXTS, 4), *self._chance.sample(NUMBERS, 2)]

    def _plain(self, schema: Any) -> Any:
        if not isinstance(schema, Mapping) or not schema:
            return self._chance.choice([None, {}, "x", 1])
        if "allOf" in schema:
            both = {key: value for one in schema["allOf"] for key, value in one.items()}
            return self._plain(both)
        for branch in ("oneOf", "anyOf"):
            if branch in schema:
                rest = {key: value for key, value in schema.items() if key != branch}
                return self._plain({**rest, **self._chance.choice(schema[branch])})
        if "enum" in schema:
            return self._chance.choice(list(schema["enum"]))
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if not isinstance(kind, str):
            kind = self._chance.choice(kind)
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return self._array(schema)
        if kind == "string":
            return self._text(schema)
        if kind in {"integer", "number"}:
            return self._number(schema)
        return self._chance.random() < 0.5 if kind == "boolean" else None

    def _object(self, schema: Schema) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = set(schema.get("required", ()))
        often = self._chance.choice((0.1, 0.5, 0.9))
        # Few have one property alone, and need it.
        is_only = len(properties) == 1
        made: dict[str, Any] = {}
        for key, own in properties.items():
            if key in required or is_only or self._chance.random() < often:
                made[key] = self._plain(own)
            self._places.append((made, key, own))
        for pattern, own in schema.get("patternProperties", {}).items():
            names = [name for name in NAMES if re.search(pattern, name)]
            for name in self._chance.sample(names, min(len(names), self._chance.randrange(3))):
                made[name] = self._plain(own)
                self._places.append((made, name, own))
        return made

    def _array(self, schema: Schema) -> list[Any]:
        least = schema.get("minItems", 0)
        most = max(least, min(schema.get("maxItems", 3), 3))
        own = schema.get("items", {})
        made = [self._plain(own) for _ in range(self._chance.randint(least, most))]
        self._places += [(made, number, own) for number in range(len(made))]
        return made

    def _text(self, schema: Schema) -> str:
        pattern = schema.get("pattern", "")
        least, most = schema.get("minLength", 0), schema.get("maxLength", 1000)
        fits = [
            text
            for text in FORMATS.get(schema.get("format", ""), TEXTS)
            if least <= len(text) <= most and re.search(pattern, text)
        ]
        return self._chance.choice(fits or TEXTS)

    def _number(self, schema: Schema) -> Any:
        least, most = schema.get("minimum", -5), schema.get("maximum", 2**31 - 1)
        return self._chance.choice([n for n in (least, most, *NUMBERS) if least <= n <= most])


FORMATS = {
    "uuid": [UUID, UUID.replace("-", ""), UUID.upper()],
    "ipv4": ["10.0.0.5", "255.255.255.255"],
    "ipv6": ["::1", "fe80::1"],
    "cidr": ["10.0.0.0/24", "fd00::/64"],
    "date-time": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00"],
    "base64": ["aGVsbG8=", ""],
    "uri": ["http://127.0.0.1:1/x"],
    "regex": ["x", ".*", "a|b"],
    "name": ["x", "a b", "é"],
    "az_name": ["x", "a b", "é"],
}


def _with_branches(schema: Any) -> list[Schema]:
    if not isinstance(schema, Mapping):
        return []
    inner = [one for key in ("oneOf", "anyOf", "allOf") for one in schema.get(key, ())]
    return [schema, *(found for one in inner for found in _with_branches(one))]
