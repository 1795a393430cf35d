"""Filters that an image's properties decide, and the traits that it and the flavor ask for."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable

import numpy as np
from oslo_config import cfg

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import ScheduleRequest
from devstack_lite.objects.resources import GROUP
from services.scheduler.filters import names_of
from services.scheduler.hosts import HostTable, Mask
from services.scheduler.image_properties import architecture_of, known_properties

_ALSO_RUNS = {"x86_64": ("x86_64", "i686")}
_VERSIONS = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq, ">": operator.gt, ">=": operator.ge,
    "!=": operator.ne,
}  # fmt: skip


def supported_instances(architecture: str, hypervisor_type: str) -> list[tuple[str, str, str]]:
    """Return what a node runs: architecture, virtualisation and guest mode, as Nova's HVSpec."""
    kind = hypervisor_type.lower()
    kinds = ("qemu", "kvm") if kind in {"qemu", "kvm"} else (kind,)
    return [
        (one, virtualisation, "hvm")
        for one in _ALSO_RUNS.get(architecture, (architecture,))
        for virtualisation in kinds
    ]


class ImagePropertiesFilter:
    """Passes nodes that run what the image says it needs.

    Its architecture (hw_architecture), hypervisor (img_hv_type, img_hv_requested_version) and guest
    mode (hw_vm_mode).
    """

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where all of it fits."""
        wanted = known_properties(request.boot.image_properties)
        default = cfg.CONF.filter_scheduler.image_properties_default_architecture
        architecture = wanted.get("hw_architecture") or (default and architecture_of(default))
        needs = (architecture, wanted.get("img_hv_type"), wanted.get("hw_vm_mode"))
        if not any(needs):
            return np.ones(len(table), dtype=bool)
        found: Mask = np.zeros(len(table), dtype=bool)
        kinds = table.labels["hypervisor_type"]
        for name in table.labels["architecture"].kinds:
            runs = table.labels["architecture"].among([name])
            found |= runs & kinds.where(lambda kind, name=name: _fits(needs, name, kind))  # type: ignore[misc]
        version = wanted.get("img_hv_requested_version")
        if version:
            found &= _versions(table, version)
        return found

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return what the image needs, and what there is."""
        wanted = known_properties(request.boot.image_properties)
        named = ", ".join(
            wanted[key]
            for key in ("hw_architecture", "img_hv_type", "hw_vm_mode", "img_hv_requested_version")
            if key in wanted
        )
        return f"the image needs {named}; they are {names_of(table, 'architecture', rejected)}"


def _fits(needs: Iterable[str | None], architecture: str, hypervisor_type: str) -> bool:
    return any(
        all(need is None or need == "" or need in supported for need in needs)
        for supported in supported_instances(architecture, hypervisor_type)
    )


def _versions(table: HostTable, wanted: str) -> Mask:
    """Return where the hypervisor's version is as `>=4.0, <6` says; any where none is known."""
    versions = table.columns["hypervisor_version"]
    found: Mask = np.ones(len(table), dtype=bool)
    for part in wanted.split(","):
        text = part.strip()
        sign = text.rstrip("0123456789. ")
        if sign not in _VERSIONS:
            raise Invalid(f"img_hv_requested_version '{wanted}' is not valid")
        number = _number_of(text[len(sign) :].strip())
        found &= _VERSIONS[sign](versions, number)
    found |= versions == 0
    return found


def _number_of(text: str) -> int:
    """Return libvirt's number of a version `1.2.3`: 1002003."""
    parts = [int(part) for part in text.split(".") if part]
    major, minor, release = (*parts, 0, 0, 0)[:3]
    return major * 1_000_000 + minor * 1_000 + release


class TraitsFilter:
    """Passes nodes with every trait that is required and none that is forbidden.

    `trait:NAME=required` in the flavor's extra specs or the image's properties, `forbidden` in the
    flavor's; a numbered group's (`trait1:NAME`) likewise, for its provider is the node. Nova leaves
    this to placement.
    """

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where the traits fit."""
        required, forbidden = _traits(request)
        if not required and not forbidden:
            return np.ones(len(table), dtype=bool)
        fits: Mask = table.labels["traits"].where(
            lambda own: required <= own and not forbidden & own
        )
        return fits

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return which traits are required and forbidden."""
        required, forbidden = _traits(request)
        parts = [f"requires {', '.join(sorted(required))}"] if required else []
        parts += [f"forbids {', '.join(sorted(forbidden))}"] if forbidden else []
        return "; ".join(parts)


_TRAIT = re.compile(rf"trait{GROUP}:(.+)")


def _traits(request: ScheduleRequest) -> tuple[frozenset[str], frozenset[str]]:
    specs = request.boot.flavor.extra_specs
    image = request.boot.image_properties
    return (
        _named(specs.items(), "required") | _named(image.items(), "required"),
        _named(specs.items(), "forbidden"),
    )


def _named(items: Iterable[tuple[str, object]], wanted: str) -> frozenset[str]:
    return frozenset(
        match[2] for key, value in items if value == wanted and (match := _TRAIT.fullmatch(key))
    )
