"""A process that works on one store until somebody kills it: for test_store_processes alone."""

# ruff: noqa: T201 - its parent reads what it prints

from __future__ import annotations

import itertools
import sys
import uuid

from fake_hypervisor import libvirt


def document(name: str, uid: str) -> str:
    """Return a domain document of a realistic size."""
    padding = "x" * 3000
    return (
        f"<domain type='kvm'><name>{name}</name><uuid>{uid}</uuid><title>{padding}</title>"
        "<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices/></domain>"
    )


def main(uri: str, seed: str) -> None:
    """Say `ready`, then go through the life of one domain after another, saying each round."""
    connection = libvirt.open(uri)
    print("ready", flush=True)
    for number in itertools.count():
        # The last of these survive, so that the store is not empty when the process is killed.
        uid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seed}/{number}"))
        domain = connection.defineXML(document(f"{seed}-{number}", uid))
        domain.create()
        domain.suspend()
        domain.resume()
        if number % 3:
            domain.destroy()
        if number % 3 == 1:
            domain.undefine()
        connection.createXML(document(f"{seed}-{number}-t", str(uuid.uuid4()))).destroy()
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
