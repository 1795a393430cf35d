"""The two trees of an instance's metadata, openstack's and ec2's, by path.

Pure: what is known of the instance comes in, paths and content go out. Versions, keys and the form
of listings are Nova's (https://docs.openstack.org/nova/latest/user/metadata.html).
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devstack_lite.exceptions import NotFound
from devstack_lite.instance_metadata import ec2, network_data
from devstack_lite.instance_metadata.passwords import password_of
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.facts import InstanceFacts

FOLSOM = "2012-08-10"
GRIZZLY = "2013-04-04"
HAVANA = "2013-10-17"
LIBERTY = "2015-10-15"
NEWTON_ONE = "2016-06-30"
NEWTON_TWO = "2016-10-06"
OCATA = "2017-02-22"
ROCKY = "2018-08-27"
VICTORIA = "2020-10-14"
VERSIONS = (FOLSOM, GRIZZLY, HAVANA, LIBERTY, NEWTON_ONE, NEWTON_TWO, OCATA, ROCKY, VICTORIA)
LATEST = "latest"

PASSWORD = "password"  # noqa: S105 - the name of a file
SINCE: Mapping[str, str] = {
    "meta_data.json": FOLSOM,
    "user_data": FOLSOM,
    PASSWORD: GRIZZLY,
    "vendor_data.json": HAVANA,
    "network_data.json": LIBERTY,
    "vendor_data2.json": NEWTON_TWO,
}
"""The version in which each file appeared, in the order in which they are listed."""

SEED_BYTES = 512
"""Of random_seed; Nova's."""

TEXT = "text/plain"
JSON = "application/json"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the configuration adds to it."""

    dhcp_domain: str = ""
    vendor_data: Mapping[str, Any] = field(default_factory=dict)
    has_static_provider: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is at a path."""

    body: bytes
    content_type: str = TEXT
    is_password: bool = False
    """A guest may post to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceMetadata:
    """One instance's metadata."""

    instance: Instance
    facts: InstanceFacts
    settings: Settings
    address: str | None = None
    """Where the guest asks from, if it is not known from its interfaces."""
    files: tuple[Json, ...] = ()
    """What a user wants in the guest, {"path", "contents"} in base 64: on a config drive alone."""

    @property
    def user_data(self) -> bytes | None:
        """What the user gave, decoded."""
        given = self.instance.user_data
        return None if given is None else base64.b64decode(given)

    @property
    def hostname(self) -> str:
        """The guest's name with its domain."""
        return ".".join(filter(None, (self.instance.hostname, self.settings.dhcp_domain)))

    def lookup(self, path: str) -> Content:
        """Return what is at a URL's path. Raises NotFound."""
        tokens = [part for part in posixpath.normpath("/" + path).split("/") if part]
        tree, rest = (tokens[0], tokens[1:]) if tokens else ("ec2", [])
        if tree not in {"ec2", "openstack"}:
            tree, rest = "ec2", tokens
        if tree == "ec2":
            return _text(self._ec2(rest))
        if not rest:
            today = datetime.datetime.now(datetime.UTC).date().isoformat()
            return _text([*(one for one in VERSIONS if one <= today), LATEST])
        return self._openstack(rest)

    def drive_files(self) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of everything that a config drive holds."""
        for version in (ec2.DRIVE_VERSION, LATEST):
            tree = ec2.tree(self, version)
            if "user-data" in tree:
                yield f"ec2/{version}/user-data", tree["user-data"]
            yield f"ec2/{version}/meta-data.json", _json(ec2.plain(tree["meta-data"])).body
        for version in (*VERSIONS, LATEST):
            for name in self._files(version):
                if name != PASSWORD:  # where a guest could only write to
                    yield f"openstack/{version}/{name}", self._openstack([version, name]).body
        for number, one in enumerate(self.files):
            yield f"openstack{_content_path(number)}", base64.b64decode(one["contents"])

    def _ec2(self, tokens: Sequence[str]) -> Any:
        if not tokens:
            return [*ec2.VERSIONS, LATEST]
        return ec2.find(ec2.tree(self, tokens[0]), tokens[1:])

    def _files(self, version: str) -> list[str]:
        dated = VERSIONS[-1] if version == LATEST else version
        if dated not in VERSIONS:
            raise _absent(version)
        return [
            name
            for name, since in SINCE.items()
            if since <= dated and (name != "user_data" or self.user_data is not None)
        ]

    def _openstack(self, tokens: Sequence[str]) -> Content:
        version, name = tokens[0], "/".join(tokens[1:])
        files = self._files(version)
        if not name:
            return _text(files)
        if name not in files:
            raise _absent(name)
        match name:
            case "meta_data.json":
                return _json(self._meta_data(VERSIONS[-1] if version == LATEST else version))
            case "network_data.json":
                return _json(network_data.describe(self.facts))
            case "vendor_data.json":
                return _json(self.settings.vendor_data)
            case "vendor_data2.json":
                static = {"static": self.settings.vendor_data}
                return _json(static if self.settings.has_static_provider else {})
            case "user_data":
                return _text(self.user_data or b"")
        return Content(body=password_of(self.instance).encode(), is_password=True)

    def _meta_data(self, version: str) -> Json:
        own = self.instance
        found: Json = {"uuid": own.uuid}
        if own.metadata:
            found["meta"] = dict(own.metadata)
        if own.key_name:
            key = str(own.boot_request.get("key_data") or "")
            # The other kind of key pair that there is holds a certificate.
            kind = "x509" if key.startswith("-----BEGIN") else "ssh"
            found["public_keys"] = {own.key_name: key}
            found["keys"] = [{"name": own.key_name, "type": kind, "data": key}]
        if self.files:
            found["files"] = [
                {"content_path": _content_path(number), "path": one["path"]}
                for number, one in enumerate(self.files)
            ]
        found |= {
            "hostname": self.hostname,
            "name": own.name,
            "launch_index": own.launch_index,
            "availability_zone": self.facts.availability_zone,
        }
        if version >= GRIZZLY:
            found["random_seed"] = base64.b64encode(os.urandom(SEED_BYTES)).decode()
        if version >= LIBERTY:
            found["project_id"] = own.project_id
        if version >= NEWTON_ONE:
            found["devices"] = self._tagged_devices()
        if version >= VICTORIA:
            found["dedicated_cpus"] = []  # no guest here has any of its own
        return found

    def _tagged_devices(self) -> list[Json]:
        """Return the devices that a tag was asked for; the hypervisor gives them no address."""
        disks = [
            {
                "type": "disk", "bus": "none", "address": "none", "serial": one.volume_id,
                "path": one.device, "tags": [one.tag],
            }
            for one in self.facts.volumes
            if one.tag
        ]  # fmt: skip
        return disks + [
            {"type": "nic", "mac": one.mac, "bus": "none", "address": "none", "tags": [one.tag]}
            for one in self.facts.interfaces
            if one.tag
        ]


def _content_path(number: int) -> str:
    return f"/content/{number:04}"


def _text(value: Any) -> Content:
    return Content(body=ec2.printed(value))


def _json(value: Any) -> Content:
    return Content(body=json.dumps(value).encode(), content_type=JSON)


def _absent(what: str) -> NotFound:
    return NotFound(f"{what} is not there.", kind="metadata")
