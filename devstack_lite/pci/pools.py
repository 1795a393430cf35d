"""Pools of devices that are alike: which fit a request, and what is left when it is served.

The rules are Nova's, without those of NUMA cells and of placement's allocations.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from devstack_lite.objects.pci import PciDevice, PciDeviceType, PciPool, PciRequest
from devstack_lite.pci.truth import is_true

_PLACEMENTS = frozenset({"resource_class", "traits"})
"""Of a spec, what placement alone would look at."""
_NETWORKING = frozenset({PciDeviceType.SRIOV_PF, PciDeviceType.SRIOV_VF, PciDeviceType.VDPA})


def support(pools: Sequence[PciPool], requests: Iterable[PciRequest]) -> bool:
    """Say whether pools have enough for all requests, one after the other."""
    return apply_requests(pools, requests) is not None


def apply_requests(
    pools: Sequence[PciPool], requests: Iterable[PciRequest]
) -> tuple[PciPool, ...] | None:
    """Return what is left of the pools when all requests are served; None when they cannot be."""
    left = list(pools)
    for request in requests:
        fitting = fitting_pools(left, request)
        if not fitting:
            return None
        count = request.count
        for pool in fitting:
            taken = min(count, pool.count)
            count -= taken
            place = next(index for index, one in enumerate(left) if one is pool)
            if pool.count > taken:
                left[place] = replace(pool, count=pool.count - taken)
            else:
                del left[place]
            if not count:
                break
    return tuple(left)


def fitting_pools(pools: Sequence[PciPool], request: PciRequest) -> list[PciPool]:
    """Return the pools that a request may be served from; none when they are too few together."""
    fitting = [pool for pool in pools if fits(pool.properties, request)]
    return fitting if sum(pool.count for pool in fitting) >= request.count else []


def fits(device: Mapping[str, Any], request: PciRequest) -> bool:
    """Say whether a request would take a device of these properties."""
    return any(_has(device, spec) for spec in request.spec) and _is_for_it(device, request)


def _has(device: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    return all(
        _same(device.get(name), wanted) for name, wanted in spec.items() if name not in _PLACEMENTS
    )


def _same(one: Any, other: Any) -> bool:
    """Say whether two values are the same; of a text, whatever its case."""
    return bool(_lower(one) == _lower(other))


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _is_for_it(device: Mapping[str, Any], request: PciRequest) -> bool:
    """Say whether a device is of those that go only to whoever asks for such."""
    dev_type = device.get("dev_type")
    if dev_type in {PciDeviceType.SRIOV_PF, PciDeviceType.VDPA} and all(
        spec.get("dev_type") != dev_type for spec in request.spec
    ):
        return False
    if is_true(device.get("remote_managed")) and not any(
        is_true(spec.get("remote_managed")) for spec in request.spec
    ):
        return False
    for answer in ("true", "false"):
        if all(spec.get("live_migratable") == answer for spec in request.spec):
            return device.get("live_migratable") == answer
    return True


# ------------------------------------------------------------------------- devices behind pools


def pools_of(devices: Iterable[PciDevice]) -> list[tuple[PciPool, list[PciDevice]]]:
    """Return free devices in pools of those that are alike and of one card, fewer tags first."""
    found: dict[PciPool, list[PciDevice]] = {}
    for device in devices:
        found.setdefault(_pool_of(device), []).append(device)
    counted = [(replace(pool, count=len(own)), own) for pool, own in found.items()]
    return sorted(counted, key=lambda pair: len(pair[0].tags))


def _pool_of(device: PciDevice) -> PciPool:
    tags = {name: str(value) for name, value in device.tags.items() if name not in _PLACEMENTS}
    tags["address"] = device.parent_addr or device.address
    if device.dev_type in _NETWORKING:
        tags.setdefault("remote_managed", "false")
    return PciPool(
        vendor_id=device.vendor_id, product_id=device.product_id, dev_type=device.dev_type,
        numa_node=device.numa_node, tags=tuple(tags.items()), count=0,
    )  # fmt: skip


def free_devices(devices: Sequence[PciDevice], taken: Collection[str]) -> list[PciDevice]:
    """Return the devices that may be had when those at the addresses in taken may not.

    A physical function and its virtual functions exclude each other.
    """
    carved = {one.parent_addr for one in devices if one.address in taken and one.parent_addr}
    return [
        one
        for one in devices
        if one.address not in taken and one.address not in carved and one.parent_addr not in taken
    ]


def choose_devices(
    devices: Sequence[PciDevice], taken: Collection[str], requests: Iterable[PciRequest]
) -> list[PciDevice] | None:
    """Return devices that serve all requests; None when those that are free do not."""
    chosen: list[PciDevice] = []
    for request in requests:
        gone = {*taken, *(one.address for one in chosen)}
        pools = pools_of(free_devices(devices, gone))
        behind = {id(pool): own for pool, own in pools}
        fitting = fitting_pools([pool for pool, _ in pools], request)
        if not fitting:
            return None
        candidates = [one for pool in fitting for one in reversed(behind[id(pool)])]
        chosen += candidates[: request.count]
    return chosen
