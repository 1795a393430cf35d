"""What a simulated guest has written on its serial console: one boot, as far as cloud-init's end.

Pure: the same instance always gives the same text, so nothing of it is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from devstack_lite.clock import utcnow
from devstack_lite.objects.compute import Instance

KERNEL = "6.8.0-31-generic"
CLOUD_INIT = "Cloud-init v. 24.1.3-0ubuntu3"


def console_log(instance: Instance) -> str:
    """Return what the guest has written since it was launched; it waits behind its prompt."""
    return "\n".join(_lines(instance))


def tail(text: str, length: int | None) -> str:
    """Return the last lines of a text, length of them; None or -1 is all.

    What follows the last newline counts as a line, as with Nova.
    """
    if length is None or length < 0:
        return text
    lines = text.split("\n")
    return "\n".join(lines[max(0, len(lines) - length) :])


def _lines(instance: Instance) -> Iterator[str]:
    for at, line in _kernel(instance):
        yield f"[{at:12.6f}] {line}"
    yield from _cloud_init(instance)
    yield ""
    yield "Ubuntu 24.04 LTS"
    yield ""
    yield f"{instance.hostname} login: "


def _kernel(instance: Instance) -> Iterator[tuple[float, str]]:
    flavor = instance.flavor
    kib = flavor.memory_mb * 1024
    yield 0.0, f"Linux version {KERNEL} (buildd@lcy02) (x86_64-linux-gnu-gcc-13) SMP"
    yield 0.0, f"Command line: BOOT_IMAGE=/vmlinuz-{KERNEL} root=LABEL=cloudimg-rootfs ro"
    yield 0.000001, "BIOS-provided physical RAM map:"
    yield 0.000002, f"BIOS-e820: [mem 0x0000000000100000-{kib * 1024 - 1:#018x}] usable"
    yield 0.000412, "DMI: OpenStack Foundation OpenStack Nova, BIOS 1.16.3-2 04/01/2014"
    yield 0.000414, "Hypervisor detected: KVM"
    yield 0.014207, f"Memory: {kib * 9 // 10}K/{kib}K available"
    yield 0.021033, f"smpboot: Allowing {flavor.vcpus} CPUs, 0 hotplug CPUs"
    yield 0.480112, "virtio_blk virtio1: [vda] new disk"
    for index, port in enumerate(instance.network_info):
        yield 0.611 + index / 100, f"virtio_net virtio{index + 2} ens{index + 3}: {port['mac']}"
    yield 0.902517, "EXT4-fs (vda1): mounted filesystem with ordered data mode."
    yield 1.204410, "systemd[1]: Detected virtualization kvm."
    yield 1.204512, f"systemd[1]: Hostname set to <{instance.hostname}>."
    yield 1.911873, "systemd[1]: Reached target multi-user.target - Multi-User System."


def _cloud_init(instance: Instance) -> Iterator[str]:
    at = (instance.launched_at or instance.created_at or utcnow()).strftime(
        "%a, %d %b %Y %H:%M:%S +0000"
    )
    yield _stage(402, 2.310004, "init-local", at)
    yield _stage(488, 3.102288, "init", at)
    yield "[    3.110020] cloud-init[488]: ci-info: +++++++++Net device info+++++++++"
    for index, port in enumerate(instance.network_info):
        for ip in port["ips"]:
            yield (
                f"[    3.110031] cloud-init[488]: ci-info: | ens{index + 3} | True |"
                f" {ip['address']:<15} | {port['mac']} |"
            )
    yield "[    3.110042] cloud-init[488]: ci-info: ++++++++++++++++++++++++++++++++"
    yield "[    3.480110] cloud-init[488]: Generating public/private ed25519 key pair."
    digest = hashlib.sha256(instance.uuid.encode()).hexdigest()
    yield f"[    3.480771] cloud-init[488]: SHA256:{digest[:43]} root@{instance.hostname}"
    yield _stage(561, 4.220045, "modules:config", at)
    if instance.key_name:
        yield "[    4.301197] cloud-init[561]: ci-info: ++Authorized keys for user ubuntu++"
    yield _stage(602, 5.006120, "modules:final", at)
    yield (
        f"[    5.112903] cloud-init[602]: {CLOUD_INIT} finished at {at}."
        " Datasource DataSourceOpenStackLocal [net,ver=2].  Up 5.11 seconds"
    )


def _stage(pid: int, up_s: float, stage: str, at: str) -> str:
    return (
        f"[{up_s:12.6f}] cloud-init[{pid}]: {CLOUD_INIT} running '{stage}' at {at}."
        f" Up {up_s:.2f} seconds."
    )
