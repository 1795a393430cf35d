"""Which of a guest's CPUs are its own, and how they lie: hw:cpu_policy and what goes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from devstack_lite.exceptions import Invalid
from devstack_lite.numa.cpus import parse_cpus
from devstack_lite.numa.guest import CpuPolicy, EmulatorPolicy, ThreadPolicy
from devstack_lite.numa.said import Said, is_true

P = TypeVar("P", bound=StrEnum)

_VCPU, _PCPU = (re.compile(rf"resources([1-9][0-9]*)?:{name}") for name in ("VCPU", "PCPU"))
_HYPERTHREADING = re.compile(r"trait([1-9][0-9]*)?:HW_CPU_HYPERTHREADING")


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuPolicies:
    """What is to be done with a guest's CPUs; dedicated: which of them, where the policy is mixed.

    realtime: those that the host runs before all else.
    """

    cpu: CpuPolicy | None
    threads: ThreadPolicy | None
    emulator: EmulatorPolicy | None
    dedicated: frozenset[int]
    realtime: frozenset[int]


def read(said: Said) -> CpuPolicies:
    """Return the policies. Raises Invalid for what is unknown or does not go together."""
    cpu = _cpu_policy(said)
    threads = _thread_policy(said)
    realtime = _realtime(said)
    dedicated = _dedicated(said)
    emulator = _emulator_policy(said)
    cpu = _with_resources(said, cpu, emulator)
    threads = _with_trait(said, threads)
    if cpu in {None, CpuPolicy.SHARED}:
        if threads:
            raise Invalid("Cannot set cpu thread pinning policy in a non dedicated cpu pinning"
                          " policy")  # fmt: skip
        if emulator is EmulatorPolicy.ISOLATE:
            raise Invalid("An isolated CPU emulator threads option requires a dedicated CPU policy"
                          " option.")  # fmt: skip
    if dedicated and cpu is not CpuPolicy.MIXED:
        raise Invalid("Cannot specify 'hw:cpu_dedicated_mask' without the 'mixed' policy.")
    if realtime and cpu in {None, CpuPolicy.SHARED}:
        raise Invalid("Cannot set realtime policy in a non dedicated cpu pinning policy")
    if cpu is CpuPolicy.MIXED and bool(realtime) == bool(dedicated):
        raise Invalid(
            "Dedicated CPU set can be specified from either 'hw:cpu_dedicated_mask' or"
            " 'hw:cpu_realtime_mask' when using 'mixed' CPU policy. 'hw:cpu_dedicated_mask' and"
            " 'hw:cpu_realtime_mask' can not be specified at the same time, or be specified with"
            " none of them."
        )
    return CpuPolicies(
        cpu=cpu, threads=threads, emulator=emulator, dedicated=dedicated or realtime,
        realtime=realtime,
    )  # fmt: skip


def _cpu_policy(said: Said) -> CpuPolicy | None:
    texts = said.both("cpu_policy")
    flavor, image = _two(CpuPolicy, texts, "CPU policy")
    refused = {
        CpuPolicy.MIXED: {CpuPolicy.DEDICATED},
        CpuPolicy.SHARED: {CpuPolicy.MIXED, CpuPolicy.DEDICATED},
    }
    if flavor is not None and image in refused.get(flavor, ()):
        raise Invalid("Image property 'hw_cpu_policy' is not permitted to override CPU pinning"
                      " policy set against the flavor")  # fmt: skip
    return flavor or image


def _thread_policy(said: Said) -> ThreadPolicy | None:
    flavor, image = _two(ThreadPolicy, said.both("cpu_thread_policy"), "CPU thread policy")
    if flavor in {None, ThreadPolicy.PREFER}:
        return flavor or image
    if image is not None and image is not flavor:
        raise Invalid("Image property 'hw_cpu_thread_policy' is not permitted to override CPU"
                      " thread pinning policy set against the flavor")  # fmt: skip
    return flavor


def _emulator_policy(said: Said) -> EmulatorPolicy | None:
    text, _ = said.both("emulator_threads_policy")
    if not text:
        return None
    if text not in set(EmulatorPolicy):
        raise Invalid(
            f"CPU emulator threads option requested is invalid, given: '{text}', available:"
            f" '{_named(EmulatorPolicy)}'."
        )
    return EmulatorPolicy(text)


def _two(
    kind: type[P], texts: tuple[str | None, str | None], what: str
) -> tuple[P | None, P | None]:
    """Return what the flavor and what the image says. Raises Invalid for another word."""
    found: list[P | None] = []
    for text, source in zip(texts, ("flavor extra specs", "image properties"), strict=True):
        if text and text not in set(kind):
            raise Invalid(
                f"{what} requested from '{source}' is invalid, given: '{text}', available:"
                f" '{_named(kind)}'."
            )
        found.append(kind(text) if text else None)
    return found[0], found[1]


def _named(kind: type[StrEnum]) -> str:
    return str(tuple(str(one) for one in kind))


def _dedicated(said: Said) -> frozenset[int]:
    """Return the CPUs that hw:cpu_dedicated_mask names; none of it when it is not there."""
    mask, _ = said.both("cpu_dedicated_mask")
    if not mask:
        return frozenset()
    every = frozenset(range(said.flavor.vcpus))
    cpus = _masked(said, mask)
    if not cpus or not every - cpus:
        raise Invalid("Mixed instance must have at least 1 pinned vCPU and 1 unpinned vCPU. See"
                      " 'hw:cpu_dedicated_mask'.")  # fmt: skip
    if not cpus <= every:
        raise Invalid("Mixed instance dedicated vCPU(s) mask is not a subset of vCPUs in the"
                      ' flavor. See "hw:cpu_dedicated_mask"')  # fmt: skip
    return cpus


def _realtime(said: Said) -> frozenset[int]:
    """Return the CPUs that hw:cpu_realtime is about; an image's mask goes before a flavor's."""
    if not is_true(said.both("cpu_realtime")[0]):
        return frozenset()
    flavor, image = said.both("cpu_realtime_mask")
    mask = image or flavor
    every = frozenset(range(said.flavor.vcpus))
    cpus = _masked(said, mask) if mask else every
    if not cpus or (not _emulator_policy(said) and cpus == every):
        raise Invalid("Use of realtime CPUs requires either one or more non-realtime CPU(s) or"
                      " offloaded emulator threads.")  # fmt: skip
    if not cpus <= every:
        raise Invalid("Realtime policy vCPU(s) mask is configured with RT vCPUs that are not a"
                      " subset of the vCPUs in the flavor. See hw:cpu_realtime_mask or"
                      " hw_cpu_realtime_mask")  # fmt: skip
    return cpus


def _masked(said: Said, mask: str) -> frozenset[int]:
    """Return the CPUs of a mask; one that begins with an exception is about all the others."""
    if mask.strip().startswith("^"):
        mask = f"0-{said.flavor.vcpus - 1},{mask}"
    return parse_cpus(mask)


def _with_resources(
    said: Said, cpu: CpuPolicy | None, emulator: EmulatorPolicy | None
) -> CpuPolicy | None:
    """Return the policy that resources:VCPU or resources:PCPU stands for, where one does."""
    shared, dedicated = _amount(said, _VCPU), _amount(said, _PCPU)
    if cpu and (shared or dedicated):
        raise Invalid(
            "It is not possible to use the 'resources:VCPU' or 'resources:PCPU' extra specs in"
            " combination with the 'hw:cpu_policy' extra spec or 'hw_cpu_policy' image metadata"
            " property; use one or the other"
        )
    if shared and dedicated:
        raise Invalid("It is not possible to specify both 'resources:VCPU' and 'resources:PCPU'"
                      " extra specs; use one or the other")  # fmt: skip
    if dedicated:
        is_isolated = emulator is EmulatorPolicy.ISOLATE
        if dedicated != said.flavor.vcpus + int(is_isolated):
            raise Invalid(
                "You have requested 'hw:emulator_threads_policy=isolate' but have not requested"
                " sufficient PCPUs to handle this policy; you must allocate exactly flavor.vcpus +"
                " 1 PCPUs."
                if is_isolated
                else "There is a mismatch between the number of PCPUs requested via"
                " 'resourcesNN:PCPU' and the flavor); you must allocate exactly flavor.vcpus PCPUs"
            )
        return CpuPolicy.DEDICATED
    return CpuPolicy.SHARED if shared else cpu


def _amount(said: Said, key: re.Pattern[str]) -> int:
    texts = (str(text) for name, text in said.specs.items() if key.match(name))
    return sum(int(text) for text in texts if text.lstrip("-").isdecimal())


def _with_trait(said: Said, threads: ThreadPolicy | None) -> ThreadPolicy | None:
    """Return the policy that the trait HW_CPU_HYPERTHREADING stands for, where it does."""
    found = [text for name, text in said.specs.items() if _HYPERTHREADING.match(name)]
    if not found and said.properties.get("trait:HW_CPU_HYPERTHREADING") == "required":
        found = ["required"]
    if not found:
        return threads
    if threads and found[0]:
        raise Invalid(
            "It is not possible to use the 'trait:HW_CPU_HYPERTHREADING' extra spec in combination"
            " with the 'hw:cpu_thread_policy' extra spec or 'hw_cpu_thread_policy' image metadata"
            " property; use one or the other"
        )
    known = {"forbidden": ThreadPolicy.ISOLATE, "required": ThreadPolicy.REQUIRE}
    return known.get(str(found[0]), threads)
