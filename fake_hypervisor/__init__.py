"""A hypervisor that looks like libvirt and simulates its domains; use `fake_hypervisor.libvirt`."""
