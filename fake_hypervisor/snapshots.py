"""virDomainSnapshot, of the one kind there is: disks go on in files, and nothing is remembered."""

# ruff: noqa: N801, N802 - libvirt's names

from __future__ import annotations

from typing import TYPE_CHECKING

from fake_hypervisor import constants as c
from fake_hypervisor.definition import parse_element
from fake_hypervisor.errors import error, unsupported_flags

if TYPE_CHECKING:
    from fake_hypervisor.domain import virDomain

_NEEDED = (
    c.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
    | c.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
    | c.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
)
_KNOWN = _NEEDED | c.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC


class virDomainSnapshot:
    """What a snapshot without metadata leaves: its name, and nothing that could be found again."""

    __slots__ = ("_domain", "_name")

    def __init__(self, domain: virDomain, xml: str) -> None:
        self._domain = domain
        self._name = parse_element(xml, "domainsnapshot").findtext("name") or ""

    def getName(self) -> str:
        """Return the name it was asked for with."""
        return self._name

    def getDomain(self) -> virDomain:
        """Return the domain that it is of."""
        return self._domain


def check_flags(flags: int) -> None:
    """Raise libvirtError for what is no snapshot of this kind."""
    if flags & ~_KNOWN:
        raise unsupported_flags(flags & ~_KNOWN, "virDomainSnapshotCreateXML")
    if flags & _NEEDED != _NEEDED:
        text = "only disks are snapshotted, in files that are there, without metadata"
        raise error(c.VIR_ERR_OPERATION_UNSUPPORTED, text)
