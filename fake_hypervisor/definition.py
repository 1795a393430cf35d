"""What the hypervisor reads in a domain's XML, and the XML that it keeps."""

from __future__ import annotations

import itertools
import json
import re
import uuid as uuidlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from fake_hypervisor import constants as c
from fake_hypervisor.errors import error

# Keeps the prefix that people know when an edited document is written again.
ET.register_namespace("nova", "http://openstack.org/xmlns/libvirt/nova/1.1")

_ROOT = re.compile(r"<domain(?=[\s>])")
_AUTOPORT = re.compile(r"""(<graphics [^>]*\bautoport="yes" )port="-1\"""")

_FIRST_PORT = 5900
_PORTS = 59_000
"""QEMU's displays begin at 5900; beyond the last port the first ones are had again."""
_DISPLAYS = 2
"""A guest's, at most: VNC and SPICE."""

# Source: https://libvirt.org/formatdomain.html#memory-allocation
_UNIT_BYTES = {
    "b": 1, "bytes": 1, "KB": 10**3, "k": 2**10, "KiB": 2**10, "MB": 10**6, "M": 2**20,
    "MiB": 2**20, "GB": 10**9, "G": 2**30, "GiB": 2**30, "TB": 10**12, "T": 2**40, "TiB": 2**40,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A valid domain document. xml carries the uuid; labels is JSON for the stage selectors."""

    uuid: str
    name: str
    vcpus: int
    memory_kib: int
    xml: str
    labels: str


def parse_definition(xml: str) -> Definition:
    """Check xml as libvirt does and return what it says; a missing uuid is made up.

    Raises libvirtError, definite: nothing was changed.
    """
    root = parse_element(xml, "domain")
    if not root.get("type"):
        raise _refused(c.VIR_ERR_INTERNAL_ERROR, "missing domain type attribute")
    name = (root.findtext("name") or "").strip()
    if not name:
        raise _refused(c.VIR_ERR_NO_NAME, "missing name information")
    if "/" in name:
        raise _refused(c.VIR_ERR_XML_ERROR, f"name {name} cannot contain '/'")
    if not (root.findtext("os/type") or "").strip():
        raise _refused(c.VIR_ERR_XML_ERROR, "an os <type> must be specified")
    memory_kib = _memory_kib(root)
    uuid_text = root.findtext("uuid")
    uuid = _uuid(uuid_text)
    stripped = xml.strip()
    if uuid_text is None or "id" in root.attrib or not _ROOT.match(stripped):
        stripped = _rewrite(root, uuid, is_new=uuid_text is None)
    return Definition(
        uuid=uuid,
        name=name,
        vcpus=_vcpus(root),
        memory_kib=memory_kib,
        xml=stripped,
        labels=json.dumps(read_labels(root)),
    )


def parse_element(xml: str, *expected: str) -> ET.Element:
    """Return the document's root, which must be one of expected."""
    try:
        # The document comes from the compute daemon on this machine, not from a user.
        root = ET.fromstring(xml)  # noqa: S314
    except ET.ParseError as exc:
        raise _refused(c.VIR_ERR_XML_DETAIL, f"({expected[0]}_definition):{exc}") from exc
    if root.tag not in expected:
        wanted = "' or '".join(expected)
        text = f"expecting root element of '{wanted}', not '{root.tag}'"
        raise error(c.VIR_ERR_XML_ERROR, text, domain=c.VIR_FROM_XML)
    return root


def read_labels(root: ET.Element) -> dict[str, str | dict[str, str]]:
    """Return what a stage selector can match, from the document's <metadata>.

    Elements are known by their local names, whatever their namespace: flavor@name, root@uuid of
    an image, project@uuid, user@uuid, host@name, and entry@key with its text (the metadata).
    """
    labels: dict[str, str | dict[str, str]] = {}
    metadata: dict[str, str] = {}
    holder = root.find("metadata")
    for element in () if holder is None else holder.iter():
        match element.tag.rpartition("}")[2]:
            case "flavor" | "host" as key:
                labels[key] = element.get("name", "")
            case "root" if element.get("type") == "image":
                labels["image"] = element.get("uuid", "")
            case "project" | "user" as key:
                labels[key] = element.get("uuid", "")
            case "entry":
                metadata[element.get("key", "")] = element.text or ""
    return labels | {"metadata": metadata} if metadata else labels


def with_id(xml: str, domain_id: int) -> str:
    """Return the document of a running guest: libvirt puts its id on the root.

    Displays that take any port have one of their own then, as QEMU's have; none listens there.
    """
    shown = _ROOT.sub(f'<domain id="{domain_id}"', xml, count=1)
    numbers = itertools.count(_FIRST_PORT + domain_id * _DISPLAYS % _PORTS)
    return _AUTOPORT.sub(lambda match: f'{match[1]}port="{next(numbers)}"', shown)


def to_text(root: ET.Element) -> str:
    """Return the document as text, without a declaration."""
    return ET.tostring(root, encoding="unicode")


def _rewrite(root: ET.Element, uuid: str, *, is_new: bool) -> str:
    root.attrib.pop("id", None)
    if is_new:
        element = ET.Element("uuid")
        element.text = uuid
        root.insert(1, element)
    return to_text(root)


def _uuid(text: str | None) -> str:
    if text is None:
        return str(uuidlib.uuid4())
    try:
        return str(uuidlib.UUID(text.strip()))
    except ValueError as exc:
        raise _refused(c.VIR_ERR_INTERNAL_ERROR, "malformed uuid element") from exc


def _vcpus(root: ET.Element) -> int:
    text = (root.findtext("vcpu") or "1").strip()
    if not text.isdecimal() or int(text) < 1:
        raise _refused(c.VIR_ERR_XML_ERROR, f"invalid maximum number of vCPUs '{text}'")
    return int(text)


def _memory_kib(root: ET.Element) -> int:
    element = root.find("memory")
    text = "" if element is None else (element.text or "").strip()
    if element is None or not text:
        message = "Memory size must be specified via <memory> or in the <numa> configuration"
        raise _refused(c.VIR_ERR_XML_ERROR, message)
    unit = element.get("unit", "KiB")
    if unit not in _UNIT_BYTES or not text.isdecimal():
        raise _refused(c.VIR_ERR_XML_ERROR, f"Invalid value '{text}' for element 'memory'")
    return -(-int(text) * _UNIT_BYTES[unit] // 1024)


def _refused(code: int, text: str) -> Exception:
    return error(code, text, domain=c.VIR_FROM_DOMAIN)
