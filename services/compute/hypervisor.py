"""The host's driver and nodes, as the configuration says."""

from __future__ import annotations

import importlib
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devstack_lite.exceptions import Invalid
from devstack_lite.names import node_names
from devstack_lite.objects.compute import ComputeNode
from devstack_lite.objects.registry import Json
from services.compute.config_drive import ConfigDrives
from services.compute.device_spec import parse_device_specs
from services.compute.driver import LibvirtDriver
from services.compute.host_numa import CpuSets, report_cells, reserved_pages
from services.compute.image_cache import ImageCache
from services.compute.pci_devices import assignable_devices
from services.compute.provider_config import Provider, load_provider_config

FAKE = "fake_hypervisor"

_NODE_IDS = uuid.UUID("6f5c2f0a-4c1c-4b4e-9c1b-3d1f6a0c7e55")
"""Namespace of node ids: a node keeps its id, whoever reports it and how often."""


def check_options(conf: Any) -> None:
    """Raise ValueError for options that would fail in each report of the nodes."""
    parse_device_specs(tuple(conf.pci.device_spec))
    try:
        CpuSets.of(conf.compute)
        reserved_pages(conf.reserved_huge_pages or ())
    except Invalid as error:
        raise ValueError(str(error)) from error


def load_driver(conf: Any) -> LibvirtDriver:
    """Return the driver, its hypervisor's store ready.

    Raises ImportError when libvirt-python is asked for and missing, ValueError for a bad profile,
    device_spec, set of CPUs or reserve of pages.
    """
    own = conf.compute
    check_options(conf)
    if own.libvirt_module != FAKE:
        return LibvirtDriver(
            importlib.import_module(own.libvirt_module),
            lambda _node: str(own.connection_uri),
            uri_elsewhere=lambda host, _node: str(own.live_migration_uri).replace("%s", host),
            nodes=node_names(conf.host, conf.compute.nodes),
            drives=ConfigDrives(lambda _node: Path("/"), None),
        )
    from fake_hypervisor import libvirt as fake_libvirt
    from fake_hypervisor.stages import StageEngine
    from fake_hypervisor.uri import make_uri

    store = Path(conf.state_dir) / "hypervisor" / conf.host
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_capacity(store, own, _simulated_devices(conf.pci.simulated_devices))
    return LibvirtDriver(
        fake_libvirt,
        lambda node: make_uri(store, node, profile=own.profile),
        uri_elsewhere=lambda host, node: make_uri(store.parent / host, node, profile=own.profile),
        nodes=node_names(conf.host, conf.compute.nodes),
        drives=ConfigDrives(
            lambda node: store / "nodes" / node,
            lambda host, node: store.parent / host / "nodes" / node,
        ),
        image_cache=ImageCache(store / "images"),
        stages=StageEngine.load(own.profile),
        # The build plays them itself, in the steps they belong to.
        spawn_stages=(),
    )


_WRITTEN_BY_US = "# From the options node_vcpus, node_memory_mb and node_disk_gb, at each start."
"""The first line of our own file; a file that begins otherwise is a person's and stays."""


def _simulated_devices(options: Sequence[str]) -> list[Json]:
    """Return the devices that the option describes. Raises ValueError for what is no JSON."""
    found: list[Json] = []
    for text in options:
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ValueError(f"[pci] simulated_devices: {text!r} is no JSON: {error}") from error
        found += document if isinstance(document, list) else [document]
    return found


def _write_capacity(store: Path, own: Any, devices: Sequence[Json]) -> None:
    """Say in the store's own file what its nodes have; libvirt would know by itself."""
    huge_pages = ",".join(f"{size}:{count}" for size, count in own.node_huge_pages.items())
    text = (
        f"{_WRITTEN_BY_US}\n"
        f"defaults: {{vcpus: {own.node_vcpus}, memory_mb: {own.node_memory_mb},"
        f" disk_gb: {own.node_disk_gb}, numa_cells: {own.node_numa_cells},"
        f" threads: {own.node_threads_per_core}, huge_pages: '{huge_pages}',"
        f" pci_devices: {json.dumps(list(devices))}}}\n"
    )
    path = store / "hosts.yaml"
    there = path.read_text() if path.exists() else _WRITTEN_BY_US
    if there.startswith(_WRITTEN_BY_US) and there != text:
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(path)


def load_providers(conf: Any, driver: LibvirtDriver) -> dict[str, Provider]:
    """Return what an operator's files say of each of the host's nodes, by name.

    Raises ValueError, one sentence, for a file that is not valid.
    """
    config = load_provider_config(conf.compute.provider_config_location)
    return {name: config.of(name=name, uuid=node_id(name)) for name in driver.get_available_nodes()}


def node_id(name: str) -> str:
    """Return the id of a node, which is its resource provider's, too."""
    return str(uuid.uuid5(_NODE_IDS, name))


def describe_nodes(
    conf: Any, driver: LibvirtDriver, providers: Mapping[str, Provider]
) -> list[ComputeNode]:
    """Return what the host's nodes have, for the conductor.

    The nodes of one host are alike but for providers, so one of them is asked for all; but each for
    its devices, where guests may have any. Raises ValueError for a device_spec that is none.
    """
    names = driver.get_available_nodes()
    own = conf.compute
    specs = parse_device_specs(tuple(conf.pci.device_spec))
    found = driver.get_node_resources(names[0])
    cells = report_cells(
        found.capabilities, CpuSets.of(own), reserved_pages(conf.reserved_huge_pages or ())
    )
    return [
        ComputeNode(
            id=node_id(name),
            host=conf.host,
            hypervisor_hostname=name,
            vcpus=found.vcpus,
            memory_mb=found.memory_mb,
            disk_gb=found.disk_gb,
            reserved_vcpus=own.reserved_vcpus,
            reserved_memory_mb=own.reserved_memory_mb,
            reserved_disk_gb=own.reserved_disk_gb,
            cpu_allocation_ratio=own.cpu_allocation_ratio,
            ram_allocation_ratio=own.ram_allocation_ratio,
            disk_allocation_ratio=own.disk_allocation_ratio,
            hypervisor_type=found.hypervisor_type,
            hypervisor_version=found.hypervisor_version,
            architecture=found.arch,
            availability_zone=own.availability_zone,
            host_ip=str(own.my_ip),
            traits=tuple(sorted({*own.traits, *providers[name].traits})),
            metrics={name: float(value) for name, value in own.metrics.items()},
            pci_devices=assignable_devices(driver, name, specs),
            numa_topology=cells,
            inventories=providers[name].inventories,
        )
        for name in names
    ]
