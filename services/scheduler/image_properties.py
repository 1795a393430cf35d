"""An image's properties as Nova's ImageMetaProps holds them: current names, canonical values.

What it does not know it drops; so a filter over images never sees a property of one's own making.
The names and legacy names are those of Nova 34 (nova/objects/image_meta.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from devstack_lite.exceptions import Invalid

LEGACY = {
    "architecture": "hw_architecture", "owner_id": "img_owner_id",
    "vmware_disktype": "hw_disk_type", "vmware_image_version": "img_version",
    "vmware_ostype": "os_distro", "auto_disk_config": "hw_auto_disk_config",
    "ipxe_boot": "hw_ipxe_boot", "xenapi_device_id": "hw_device_id",
    "xenapi_image_compression_level": "img_compression_level",
    "vmware_linked_clone": "img_linked_clone", "xenapi_use_agent": "img_use_agent",
    "xenapi_skip_agent_inject_ssh": "os_skip_agent_inject_ssh",
    "xenapi_skip_agent_inject_files_at_boot": "os_skip_agent_inject_files_at_boot",
    "cache_in_nova": "img_cache_in_nova", "vm_mode": "hw_vm_mode", "bittorrent": "img_bittorrent",
    "mappings": "img_mappings", "block_device_mapping": "img_block_device_mapping",
    "bdm_v2": "img_bdm_v2", "root_device_name": "img_root_device_name",
    "hypervisor_version_requires": "img_hv_requested_version", "hypervisor_type": "img_hv_type",
}  # fmt: skip
TEXTS = frozenset(
    {
        "hw_auto_disk_config", "hw_cpu_realtime_mask", "hw_disk_type", "hw_machine_type",
        "hw_mem_page_size", "img_owner_id", "img_root_device_name", "img_signature",
        "os_admin_user", "os_command_line", "os_distro", "hw_cdrom_bus", "hw_disk_bus",
        "hw_floppy_bus", "hw_rescue_bus", "hw_cpu_policy", "hw_cpu_thread_policy",
        "hw_ephemeral_encryption_format", "hw_ephemeral_encryption_secret_uuid",
        "img_signature_certificate_uuid", "hw_firmware_type", "hw_input_bus",
        "hw_maxphysaddr_mode", "hw_mem_encryption_model", "hw_pci_numa_affinity_policy",
        "hw_pointer_model", "hw_rescue_device", "hw_rng_model", "hw_sound_model", "hw_tpm_model",
        "hw_tpm_version", "hw_usb_model", "hw_video_model", "hw_viommu_model",
        "hw_watchdog_action", "img_config_drive", "img_hv_requested_version",
        "img_signature_hash_method", "img_signature_key_type", "os_secure_boot"
    }
)  # fmt: skip
TRUTHS = frozenset(
    {
        "hw_boot_menu", "hw_ephemeral_encryption", "hw_firmware_stateless", "hw_ipxe_boot",
        "hw_locked_memory", "hw_mem_encryption", "hw_pmu", "hw_qemu_guest_agent", "hw_time_hpet",
        "hw_vif_multiqueue_enabled", "hw_virtio_packed_ring", "img_bdm_v2", "img_bittorrent",
        "img_cache_in_nova", "img_hide_hypervisor_id", "img_linked_clone", "img_use_agent",
        "os_require_quiesce", "os_skip_agent_inject_files_at_boot", "os_skip_agent_inject_ssh"
    }
)  # fmt: skip
NUMBERS = frozenset(
    {
        "hw_cpu_cores", "hw_cpu_max_cores", "hw_cpu_max_sockets", "hw_cpu_max_threads",
        "hw_cpu_sockets", "hw_cpu_threads", "hw_device_id", "hw_maxphysaddr_bits",
        "hw_numa_nodes", "hw_redirected_usb_ports", "hw_serial_port_count", "hw_video_ram",
        "img_compression_level", "img_version"
    }
)  # fmt: skip
ARCHITECTURES = frozenset(
    {
        "aarch64", "alpha", "armv6", "armv7b", "armv7l", "cris", "i686", "ia64", "lm32", "m68k",
        "microblaze", "microblazeel", "mips", "mips64", "mips64el", "mipsel", "openrisc",
        "parisc", "parisc64", "ppc", "ppc64", "ppc64le", "ppcemb", "ppcle", "s390", "s390x",
        "sh4", "sh4eb", "sparc", "sparc64", "unicore32", "x86_64", "xtensa", "xtensaeb"
    }
)  # fmt: skip
_SAME_ARCHITECTURE = dict.fromkeys(("i386", "i486", "i586", "x86_32", "x86_32p"), "i686") | {
    "amd64": "x86_64"
}
_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
"""oslo.utils' strutils.bool_from_string; all else is False."""
_SAME_VIF = {
    "virtuale1000": "e1000", "virtuale1000e": "e1000e", "virtualpcnet32": "pcnet",
    "virtualsriovethernetcard": "sriov", "virtualvmxnet": "vmxnet",
    "virtualvmxnet3": "vmxnet3",
}  # fmt: skip
_SAME_SCSI = {"lsilogicsas": "lsisas1068", "paravirtual": "vmpvscsi"}


def architecture_of(text: str) -> str:
    """Return the canonical name. Raises Invalid for what is none."""
    name = text.lower()
    name = _SAME_ARCHITECTURE.get(name, name)
    if name not in ARCHITECTURES:
        raise Invalid(f"Architecture name '{text}' is not recognised")
    return name


_FORMS: Mapping[str, Callable[[str], str]] = {
    "hw_architecture": architecture_of,
    "hw_emulation_architecture": architecture_of,
    "img_hv_type": lambda text: {"xapi": "xen"}.get(text.lower(), text.lower()),
    "hw_vm_mode": lambda text: {"pv": "xen", "hv": "hvm", "baremetal": "hvm"}.get(
        text.lower(), text.lower()
    ),
    "os_type": str.lower,
    "hw_vif_model": lambda text: _SAME_VIF.get(text.lower(), text.lower()),
    "hw_scsi_model": lambda text: _SAME_SCSI.get(text.lower(), text.lower()),
    **dict.fromkeys(TEXTS, str),
    **dict.fromkeys(TRUTHS, lambda text: str(text.strip().lower() in _TRUE)),
    **dict.fromkeys(NUMBERS, lambda text: str(int(text))),
}


def known_properties(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return what Nova would see of an image's properties, as text. A current name wins.

    Raises Invalid for an architecture or a number that is none.
    """
    renamed = {LEGACY[name]: value for name, value in properties.items() if name in LEGACY}
    adapter = properties.get("vmware_adaptertype")
    if adapter:
        renamed |= (
            {"hw_disk_bus": "ide"}
            if adapter == "ide"
            else {"hw_disk_bus": "scsi", "hw_scsi_model": adapter}
        )
    renamed |= {name: value for name, value in properties.items() if name in _FORMS}
    try:
        return {
            name: _FORMS[name](str(value))
            for name, value in renamed.items()
            if name in _FORMS and value is not None
        }
    except ValueError as error:
        raise Invalid(f"Image property is not valid: {error}") from None
