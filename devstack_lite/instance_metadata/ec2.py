"""The ec2 tree, as far as Nova has it: values by name, listed a line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from devstack_lite.exceptions import NotFound

if TYPE_CHECKING:
    from devstack_lite.instance_metadata.content import InstanceMetadata

VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01",
    "2008-09-01", "2009-04-04",
)  # fmt: skip
DRIVE_VERSION = VERSIONS[-1]
"""The one that a config drive holds beside `latest`: Nova skips the older ones."""

NAME = "_name"
"""The key of what a folder is called in the listing above it, instead of its own name."""
ROOT_DEVICE = "vda"

Tree = dict[str, Any]


def tree(known: InstanceMetadata, version: str) -> Tree:
    """Return what a version holds. Raises NotFound for a version that there is not."""
    version = VERSIONS[-1] if version == "latest" else version
    if version not in VERSIONS:
        raise NotFound(f"{version} is no version of the metadata.", kind="metadata")
    own, addresses = known.instance, _addresses(known)
    found: Tree = {
        "ami-id": f"ami-{own.image_ref[:8] or '00000000'}",
        "ami-launch-index": own.launch_index,
        "ami-manifest-path": "FIXME",
        "instance-id": f"i-{own.uuid[:8]}",
        "hostname": known.hostname,
        "local-ipv4": addresses[0] if addresses else known.address or "",
        "reservation-id": own.reservation_id,
        "security-groups": list(known.facts.security_groups),
    }
    if own.key_name:
        key = own.boot_request.get("key_data") or ""
        found["public-keys"] = {"0": {NAME: f"0={own.key_name}", "openssh-key": key}}
    if version >= "2007-01-19":
        found |= {"local-hostname": known.hostname, "public-hostname": known.hostname}
        found["public-ipv4"] = next(iter(_floating(known)), "")
    if version >= "2007-08-29":
        found["instance-type"] = own.flavor.name
    if version >= "2007-12-15":
        found["block-device-mapping"] = _block_devices(known)
    if version >= "2008-02-01":
        found["placement"] = {"availability-zone": known.facts.availability_zone or ""}
    if version >= "2008-09-01":
        found["instance-action"] = "none"
    whole: Tree = {"meta-data": found}
    if known.user_data is not None:
        whole["user-data"] = known.user_data
    return whole


def find(value: Any, tokens: Sequence[str]) -> Any:
    """Return what is at a path below value. Raises NotFound."""
    for token in tokens:
        if not isinstance(value, Mapping) or token not in value or token == NAME:
            raise NotFound(f"{'/'.join(tokens)} is not there.", kind="metadata")
        value = value[token]
    return value


def printed(value: Any) -> bytes:
    """Return a value as a guest reads it: a folder as its names, a folder's with a slash."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Mapping):
        return "\n".join(_listed(key, value[key]) for key in sorted(value) if key != NAME).encode()
    if isinstance(value, list):
        return "\n".join(value).encode()
    return str(value).encode()


def plain(value: Tree) -> Tree:
    """Return a tree without the names that only listings show."""
    return {
        key: plain(one) if isinstance(one, dict) else one
        for key, one in value.items()
        if key != NAME
    }


def _listed(key: str, value: Any) -> str:
    if not isinstance(value, Mapping):
        return key
    return str(value[NAME]) if NAME in value else f"{key}/"


def _addresses(known: InstanceMetadata) -> list[str]:
    return [
        one.address
        for interface in known.facts.interfaces
        for one in interface.addresses
        if one.subnet.ip_version == 4
    ]


def _floating(known: InstanceMetadata) -> list[str]:
    return [
        address
        for interface in known.facts.interfaces
        for one in interface.addresses
        for address in one.floating
    ]


def _block_devices(known: InstanceMetadata) -> dict[str, str]:
    """Return the disks: the root one, and the volumes besides."""
    root = f"/dev/{ROOT_DEVICE}"
    found = {"ami": ROOT_DEVICE, "root": root}
    devices = [one.device for one in known.facts.volumes if one.device not in {"", root}]
    return found | {f"ebs{number}": device for number, device in enumerate(devices)}
