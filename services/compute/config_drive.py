"""Config drives: an instance's metadata as a CD in its guest, made here and kept beside its disk.

The content is the metadata API's. The CD is ISO 9660 with the label that guests look for. Each node
keeps its own, for as long as it has the guest; a real hypervisor's hosts must not share the folder.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from devstack_lite.context import RequestContext
from devstack_lite.instance_metadata.content import InstanceMetadata, Settings
from devstack_lite.objects.compute import Instance
from services.conductor.rpcapi.instance_facts import InstanceFactsAPI

LABEL = "config-2"
"""By which cloud-init knows the drive."""
INSTANCES_PATH = "/var/lib/nova/instances"
"""Where a host keeps its guests' files; Nova's default."""
_NAME = "disk.config"
FULL_NAMES = 4
"""The level of ISO 9660 that takes names as they are."""


def is_wanted(instance: Instance) -> bool:
    """Say whether the user, or the image, wants the instance to have one."""
    properties = instance.boot_request.get("image_properties", {})
    return instance.config_drive or properties.get("img_config_drive") == "mandatory"


def path_of(uuid: str) -> str:
    """Return where the host of an instance has its config drive."""
    return f"{INSTANCES_PATH}/{uuid}/{_NAME}"


class DriveMaker:
    """Makes the drives' content of what the conductor knows."""

    def __init__(self, facts: InstanceFactsAPI, settings: Callable[[], Settings]) -> None:
        self._facts = facts
        self._settings = settings

    def make(
        self, context: RequestContext, instance: Instance, ports: Iterable[dict[str, Any]]
    ) -> bytes | None:
        """Return the drive of an instance that has these ports; None when it wants none."""
        if not is_wanted(instance):
            return None
        there = replace(instance, network_info=tuple(ports))
        facts = self._facts.read_facts(context, instance=there)
        known = InstanceMetadata(
            instance=there, facts=facts, settings=self._settings(),
            files=tuple(instance.boot_request.get("injected_files", ())),
        )  # fmt: skip
        return make_iso(known.drive_files())


def make_iso(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a CD with these files, by path and content."""
    import pycdlib  # a few servers have a drive, and most hosts none of them

    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=FULL_NAMES, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
    folders = {PurePosixPath("/")}
    for name, content in files:
        path = PurePosixPath("/") / name
        for folder in reversed(path.parents):
            if folder not in folders:
                folders.add(folder)
                iso.add_directory(str(folder), rr_name=folder.name, joliet_path=str(folder))
        iso.add_fp(
            io.BytesIO(content), len(content), str(path), rr_name=path.name, joliet_path=str(path)
        )
    written = io.BytesIO()
    iso.write_fp(written)
    iso.close()
    return written.getvalue()


class ConfigDrives:
    """The drives on the nodes, each at path_of below its node's root."""

    def __init__(
        self, root_of: Callable[[str], Path], root_elsewhere: Callable[[str, str], Path] | None
    ) -> None:
        """root_of: a node's; root_elsewhere: another host's node's, where it can be reached."""
        self._root_of = root_of
        self._root_elsewhere = root_elsewhere

    def put(self, node: str, uuid: str, content: bytes) -> None:
        """Have the drive on a node; one that is there is replaced, in one step."""
        _put(self._root_of(node), uuid, content)

    def put_elsewhere(self, host: str, node: str, uuid: str, content: bytes) -> None:
        """Likewise on another host, where a guest has gone; a real one's has come with it."""
        if self._root_elsewhere is not None:
            _put(self._root_elsewhere(host, node), uuid, content)

    def remove_left(
        self, node: str, guests: Collection[str], *, written_before: float
    ) -> tuple[list[str], bool]:
        """Remove what a worker wrote, and died before there was a guest that has it.

        guests: those of the node; written_before: an epoch second, so long before they were listed
        that whoever wrote a drive by then has defined its guest. Returns whose drives went, and
        whether some are too young to tell.
        """
        removed: list[str] = []
        is_fresh = False
        if self._root_of(node) == Path("/"):
            return removed, is_fresh  # A real host's: guests of another hypervisor may have them.
        for folder in (self._root_of(node) / INSTANCES_PATH.lstrip("/")).glob("*"):
            written = [path for path in folder.glob(f"*{_NAME}*") if path.parent.name not in guests]
            if any(_written_at(path) > written_before for path in written):
                is_fresh = True
            elif written:
                for path in written:
                    path.unlink(missing_ok=True)
                self.remove(node, folder.name)
                removed.append(folder.name)
        return removed, is_fresh

    def remove(self, node: str, uuid: str) -> None:
        """Have no drive on a node; none is a success."""
        path = _below(self._root_of(node), uuid)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or another was quicker
            path.parent.rmdir()


def _below(root: Path, uuid: str) -> Path:
    return root / path_of(uuid).lstrip("/")


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # its writer has just put it in its place


def _put(root: Path, uuid: str, content: bytes) -> None:
    path = _below(root, uuid)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
