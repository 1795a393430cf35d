"""Microversions: what a client asks for by header, and what this service offers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, Self

import microversion_parse

_VERSION = re.compile(r"^([1-9]\d*)\.([1-9]\d*|0)$")


class ApiVersion(NamedTuple):
    """A microversion; 2.10 is later than 2.9."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the version that text names. Raises ValueError for anything else."""
        match = _VERSION.match(text)
        if match is None:
            raise ValueError(text)
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRange:
    """What one service offers, and the headers it is asked by."""

    service_type: str
    minimum: ApiVersion
    maximum: ApiVersion
    legacy_headers: tuple[str, ...] = ()
    media_types: frozenset[str] | None = None
    """What any request may say it holds, with a body or without; None leaves it to the methods."""

    def negotiate(self, headers: dict[str, str]) -> ApiVersion:
        """Return the version a request is answered in; the lowest when it names none.

        Raises ValueError with the text of the fault for a malformed version, LookupError with the
        text and the version for one that is not offered.
        """
        text = microversion_parse.get_version(
            headers, self.service_type, legacy_headers=list(self.legacy_headers)
        )
        if text is None:
            return self.minimum
        if text == "latest":
            return self.maximum
        try:
            asked = ApiVersion.parse(text)
        except ValueError:
            raise ValueError(
                f"API Version String {text} is of invalid format. Must be of format"
                " MajorNum.MinorNum."
            ) from None
        if not self.minimum <= asked <= self.maximum:
            raise LookupError(
                f"Version {text} is not supported by the API. Minimum is {self.minimum} and"
                f" maximum is {self.maximum}.",
                asked,
            )
        return asked

    def reply_headers(self, version: ApiVersion) -> dict[str, str]:
        """Return the headers by which an answer says which version it is in."""
        headers = {"OpenStack-API-Version": f"{self.service_type} {version}"}
        for name in self.legacy_headers:
            headers[name] = str(version)
        headers["Vary"] = ", ".join(["OpenStack-API-Version", *self.legacy_headers])
        return headers
