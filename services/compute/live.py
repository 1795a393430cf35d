"""Taking a running guest to another host: what the host that it leaves does.

It may be done twice, whatever became of the first time: the two hypervisors say where the guest is.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from devstack_lite import failpoints
from devstack_lite.context import RequestContext, current_context
from devstack_lite.exceptions import Conflict, DevstackError, NotFound
from devstack_lite.objects.compute import ABORT, LIVE_WISH, Instance
from devstack_lite.objects.registry import Json
from devstack_lite.states import MIGRATION_CANCELLED
from devstack_lite.steps import StepLog
from services.compute import build
from services.compute.build import Peers
from services.compute.domain_xml import with_hostdevs
from services.compute.driver import HypervisorError, LibvirtDriver
from services.compute.guest import GuestHostdev
from services.compute.numa_xml import with_cells
from services.compute.resize import check_under_way

REPORT_S = 0.5
"""Seconds between two reports of how much of the memory is over."""


def run_live_migration(instance: Instance, peers: Peers) -> None:
    """Have the guest, its ports and its volumes on the host it goes to.

    Raises HypervisorError, and the guest goes on here, when it cannot go.
    """
    context = current_context()
    kept = (instance.operation or {})["arguments"]
    host, node = kept["dest_host"], kept["dest_node"]
    check_under_way(context, peers, instance.uuid, instance.attempt)
    if not _has_arrived(instance, peers.driver, host, node):
        if kept.get(LIVE_WISH) == ABORT:
            raise HypervisorError(MIGRATION_CANCELLED)
        with failpoints.around("op.live-migration"), _reporting(context, instance, peers):
            devices = build.hostdevs_of(context, replace(instance, node=node), peers)
            _send(instance, peers.driver, host, node, devices)
    # What a predecessor, killed at the last moment, has left paused.
    peers.driver.destroy(str(instance.node), instance.uuid)
    there = replace(instance, host=host, node=node)
    guest, _ports = build.prepare_guest(context, there, StepLog(), peers)
    if guest.config_drive is not None and peers.driver.drives is not None:
        peers.driver.drives.put_elsewhere(host, node, instance.uuid, guest.config_drive)


def _has_arrived(instance: Instance, driver: LibvirtDriver, host: str, node: str) -> bool:
    """Say whether the guest is there already; if not, have the one here fit to go."""
    with driver.elsewhere(host, node, instance.uuid) as (libvirt, _uri, guest):
        is_there = guest is not None and bool(guest.isActive())
        try:
            with driver.guest("look at", str(instance.node), instance.uuid) as (_lib, here):
                left = [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION]
                is_half_gone = here.state() == left
                if guest is not None and not is_half_gone:
                    # Something else's leftover: the guest runs here.
                    driver.remove(guest)
                elif is_half_gone and not is_there:
                    here.resume()
                return is_there and is_half_gone
        except NotFound:
            return is_there


def _send(
    instance: Instance,
    driver: LibvirtDriver,
    host: str,
    node: str,
    devices: Sequence[GuestHostdev],
) -> None:
    with (
        driver.elsewhere(host, node, instance.uuid) as (libvirt, uri, _guest),
        driver.guest("migrate", str(instance.node), instance.uuid) as (_lib, domain),
    ):
        flags = (
            libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER
            | libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
            | libvirt.VIR_MIGRATE_NON_SHARED_INC
        )  # fmt: skip
        try:
            domain.migrateToURI3(uri, _changes(instance, devices, libvirt, domain), flags)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_OPERATION_ABORTED:
                raise HypervisorError(MIGRATION_CANCELLED) from error
            raise


def _changes(
    instance: Instance, devices: Sequence[GuestHostdev], libvirt: Any, domain: Any
) -> Json:
    """Return what the guest's document says, where it goes, of NUMA cells and PCI devices.

    Nothing without any.
    """
    cells = build.cells_of(instance)
    if cells is None and not devices:
        return {}

    def changed(document: str) -> str:
        if cells is not None:
            document = with_cells(document, cells)
        return with_hostdevs(document, devices) if devices else document

    flags = libvirt.VIR_DOMAIN_XML_MIGRATABLE | libvirt.VIR_DOMAIN_XML_SECURE
    return {
        libvirt.VIR_MIGRATE_PARAM_DEST_XML: changed(domain.XMLDesc(flags)),
        libvirt.VIR_MIGRATE_PARAM_PERSIST_XML: changed(
            domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | flags)
        ),
    }


@contextlib.contextmanager
def _reporting(context: RequestContext, instance: Instance, peers: Peers) -> Iterator[None]:
    """Have the conductor know, while the block lasts, how much of the memory is over.

    What a user has wished since is wished of the hypervisor.
    """
    is_over = threading.Event()

    def report() -> None:
        while not is_over.wait(REPORT_S):
            with contextlib.suppress(DevstackError):
                wish = peers.moves.note_live_progress(
                    context, uuid=instance.uuid, attempt=instance.attempt,
                    progress=_progress(instance, peers.driver),
                )  # fmt: skip
                if wish:
                    node = str(instance.node)
                    end(peers.driver, node, instance.uuid, is_abort=wish == ABORT)

    thread = threading.Thread(target=report, name="live-migration", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _progress(instance: Instance, driver: LibvirtDriver) -> Json:
    with driver.guest("follow", str(instance.node), instance.uuid) as (_libvirt, domain):
        stats = domain.jobStats()
    return {
        f"{kind}_{part}_bytes": stats.get(f"{kind}_{part}", 0)
        for kind in ("memory", "disk")
        for part in ("total", "processed", "remaining")
    }


def end(driver: LibvirtDriver, node: str, uuid: str, *, is_abort: bool) -> None:
    """Have a migration under way end: with the guest here, or at once where it goes.

    Raises Conflict when none is under way.
    """
    try:
        with driver.guest("end the migration of", node, uuid) as (_libvirt, domain):
            if is_abort:
                domain.abortJob()
            else:
                domain.migrateStartPostCopy(0)
    except DevstackError as error:
        raise Conflict(f"Instance {uuid} is not on its way: {error}", kind="instance") from error
