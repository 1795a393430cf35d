"""What daemons say of themselves while they start: an extension that is left out, a bad option."""

from __future__ import annotations

from devstack_lite import processes
from devstack_lite.cloud import Cloud


class Complaints:
    """Lines `DAEMON: …` that a cloud's daemons have printed since this was made."""

    def __init__(self, cloud: Cloud) -> None:
        self._table = processes.of(cloud)
        self._before = {
            one.name: one.output_file.stat().st_size
            for one in self._table
            if one.output_file.exists()
        }

    def new(self) -> list[str]:
        """Return them, each once, in the order of the daemons' start."""
        lines = [
            line
            for one in self._table
            for line in self._printed(one).splitlines()
            if line.startswith(f"{one.daemon}: ")
        ]
        return list(dict.fromkeys(lines))

    def _printed(self, process: processes.Process) -> str:
        try:
            data = process.output_file.read_bytes()
        except OSError:
            return ""
        return data[self._before.get(process.name, 0) :].decode(errors="replace")
