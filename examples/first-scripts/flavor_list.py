"""List flavors through novaclient's manager: FlavorManager.list() is GET /flavors/detail."""

from __future__ import annotations

from client import connect

ROW = "{:>6}  {:<12} {:>9} {:>4} {:>9} {:>4} {:>5} {:>11}"

print(ROW.format("ID", "Name", "Memory_MB", "Disk", "Ephemeral", "Swap", "VCPUs", "RXTX_Factor"))
for one in connect().flavors.list(is_public=None):
    print(
        ROW.format(
            one.id, one.name, one.ram, one.disk, one.ephemeral, one.swap or "", one.vcpus,
            one.rxtx_factor,
        )
    )  # fmt: skip
