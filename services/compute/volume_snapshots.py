"""Disk-only snapshots of a guest's volume, which a volume service asks for: files on files.

The files are the volume service's, which made the new one and gives away the merged one; here the
hypervisor is told in which of them the guest goes on. Each function may be done twice, and by two
workers at once: what is asked for is a state of the disk's files. The disk is known to the
hypervisor by the file that it is written to, so the second of two finds that it has moved on.

A worker may die at any point. Before the hypervisor has done its part, which is one step of its
own, the disk is as it was; after that it is as it was asked for: one of the two, never none. The
snapshot's status is what it was until somebody is told. The message is a call, so that whoever
asked has it sent again, or hears that nobody answered, and may ask once more.
"""

from __future__ import annotations

import logging
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from devstack_lite import failpoints
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import DevstackError, Invalid, Unavailable
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.registry import Json
from services.compute.build import Peers
from services.compute.driver import POLL_S, HypervisorError, LibvirtDriver

LOG = logging.getLogger(__name__)

TRIES = 5
"""Another worker may move the disk on, or stop the guest, in between."""

JOB_TIMEOUT_S = 20.0
"""What a merge may take; less than whoever asked waits for it."""

_Step = Callable[[Any, Any, ET.Element], None]


def create(
    context: RequestContext, instance: Instance, volume_id: str, create_info: Json, peers: Peers
) -> None:
    """Have a volume go on in create_info's new_file; the snapshot is then creating, else error.

    Raises Unavailable when it is not known whether it does; the snapshot is left as it is.
    """
    with failpoints.around("op.volume_snapshot_create"):
        status = _outcome("creating", "error", lambda: go_on_in(
            peers.driver, instance, volume_id, create_info["new_file"]
        ))  # fmt: skip
    _tell(context, peers, str(create_info["snapshot_id"]), status)


def delete(
    context: RequestContext, instance: Instance, snapshot_id: str, delete_info: Json, peers: Peers
) -> None:
    """Have files of a volume merged; the snapshot is then deleting, else error_deleting.

    Raises Unavailable likewise.
    """
    with failpoints.around("op.volume_snapshot_delete"):
        status = _outcome(
            "deleting", "error_deleting", lambda: merge(peers.driver, instance, delete_info)
        )
    _tell(context, peers, snapshot_id, status)


def go_on_in(driver: LibvirtDriver, instance: Instance, volume_id: str, new_file: str) -> None:
    """Have the guest write a volume to new_file, beside or above the file that it is in now.

    One that is among the volume's files already is a success. Raises NotFound, HypervisorError.
    """

    def step(lib: Any, domain: Any, disk: ET.Element) -> None:
        files = _files(disk)
        path = _beside(files, new_file)
        if path in files:
            return
        others = [
            target.get("dev", "")
            for target in _document(domain).iterfind("devices/disk/target")
            if target.get("dev") != _target(disk)
        ]
        domain.snapshotCreateXML(
            _snapshot(files[0], path, others),
            lib.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
            | lib.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
            | lib.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT,
        )

    _change(driver, instance, volume_id, "snapshot a volume of", step)


def merge(driver: LibvirtDriver, instance: Instance, delete_info: Json) -> None:
    """Merge files of a volume: as Nova, by merge_target_file.

    Without one what is above file_to_merge, or all if that is None, goes up into the file that is
    written to. With one file_to_merge goes down into it. What is merged already is a success.
    Raises Invalid, NotFound, HypervisorError.
    """
    if delete_info.get("type") != "qcow2":
        raise Invalid(f"Unknown delete_info type {delete_info.get('type')}")
    if missing := {"file_to_merge", "merge_target_file"} - set(delete_info):
        raise Invalid(f"delete_info lacks {', '.join(sorted(missing))}")
    upper, lower = delete_info["file_to_merge"], delete_info["merge_target_file"]

    def pull(lib: Any, domain: Any, disk: ET.Element) -> None:
        files = _files(disk)
        base = None if upper is None else _beside(files, str(upper))
        if files[1:2] == ([] if base is None else [base]):
            return
        if domain.isActive():
            flags = 0 if base is None else lib.VIR_DOMAIN_BLOCK_REBASE_RELATIVE
            domain.blockRebase(_target(disk), base, 0, flags)
            _wait(domain, disk)
        else:
            _rest_on(disk, base)
            text = ET.tostring(disk, encoding="unicode")
            domain.updateDeviceFlags(text, lib.VIR_DOMAIN_AFFECT_CONFIG)

    def commit(lib: Any, domain: Any, disk: ET.Element) -> None:
        files = _files(disk)
        top, base = _beside(files, str(upper)), _beside(files, str(lower))
        if top not in files and base in files:
            return
        flags = lib.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE
        domain.blockCommit(_target(disk), base, top, 0, flags)
        _wait(domain, disk)

    step = pull if lower is None else commit
    _change(driver, instance, str(delete_info["volume_id"]), "merge a volume of", step)


def _outcome(done: str, failed: str, work: Callable[[], None]) -> str:
    """Return which of the two became of it. Raises Unavailable when that is not known."""
    try:
        work()
    except DevstackError as problem:
        if not problem.definite:
            raise Unavailable(str(problem), kind=problem.kind) from problem
        LOG.warning("%s: %s", failed, problem)
        return failed
    return done


def _tell(context: RequestContext, peers: Peers, snapshot_id: str, status: str) -> None:
    """Tell the volume service; one that does not know the snapshot, or says no, is left alone.

    Raises Unavailable when it does not answer.
    """
    try:
        peers.volume.update_snapshot_status(context, snapshot_id, status)
    except DevstackError as problem:
        if not problem.definite:
            raise
        LOG.warning("snapshot %s is %s, the volume service: %s", snapshot_id, status, problem)


def _change(
    driver: LibvirtDriver, instance: Instance, volume_id: str, action: str, step: _Step
) -> None:
    lib = driver.libvirt
    with driver.domain(action, str(instance.node), instance.uuid) as domain:
        for left in reversed(range(TRIES)):
            try:
                step(lib, domain, _disk(domain, volume_id))
            except lib.libvirtError as error:
                moved = {lib.VIR_ERR_OPERATION_INVALID, lib.VIR_ERR_INVALID_ARG}
                if not left or error.get_error_code() not in moved:
                    raise
            else:
                return


def _document(domain: Any) -> ET.Element:
    return ET.fromstring(domain.XMLDesc(0))  # noqa: S314 - the hypervisor's own


def _disk(domain: Any, volume_id: str) -> ET.Element:
    for disk in _document(domain).iterfind("devices/disk"):
        if disk.findtext("serial") == volume_id:
            return disk
    raise HypervisorError(f"no disk of the guest is volume {volume_id}")


def _target(disk: ET.Element) -> str:
    target = disk.find("target")
    return "" if target is None else target.get("dev", "")


def _layers(disk: ET.Element) -> Iterator[ET.Element]:
    """Yield the disk and what is below it; libvirt ends a chain with one that has no source."""
    layer: ET.Element | None = disk
    while layer is not None and layer.find("source") is not None:
        yield layer
        layer = layer.find("backingStore")


def _files(disk: ET.Element) -> list[str]:
    """Return the files that the disk consists of, the one that it is written to first."""
    sources = [layer.find("source") for layer in _layers(disk)]
    return [next(iter(one.attrib.values()), "") for one in sources if one is not None]


def _beside(files: list[str], name: str) -> str:
    return str(PurePosixPath(files[0]).parent / name)


def _rest_on(disk: ET.Element, base: str | None) -> None:
    """Have base, or nothing, next below what the disk is written to. Raises HypervisorError."""
    layers = list(_layers(disk))
    found = None if base is None else layers[_index(_files(disk), base)]
    for below in layers[1:2]:
        disk.remove(below)
    if found is not None:
        disk.append(found)


def _index(files: list[str], file: str) -> int:
    if file not in files[1:]:
        raise HypervisorError(f"no match found for {file}")
    return files.index(file)


def _snapshot(source: str, new_file: str, others: list[str]) -> str:
    """Return a <domainsnapshot> by which the disk with this source goes on in new_file."""
    root = ET.Element("domainsnapshot")
    disks = ET.SubElement(root, "disks")
    moved = ET.SubElement(disks, "disk", name=source, snapshot="external", type="file")
    ET.SubElement(moved, "driver", type="qcow2")
    ET.SubElement(moved, "source", file=new_file)
    for device in others:
        ET.SubElement(disks, "disk", name=device, snapshot="no")
    return ET.tostring(root, encoding="unicode")


def _wait(domain: Any, disk: ET.Element) -> None:
    """Wait until no job of the disk is under way. Raises HypervisorError (indefinite)."""
    deadline = time.monotonic() + JOB_TIMEOUT_S
    while domain.blockJobInfo(_target(disk), 0):
        if time.monotonic() > deadline:
            raise HypervisorError("the files are still being merged", definite=False)
        time.sleep(POLL_S)
