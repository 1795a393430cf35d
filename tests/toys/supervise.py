"""A supervisor of toy daemons: `python -P supervise.py STATE`, or with `--dies` one that fails.

The cloud recorded in STATE may have any number of hosts; each of its processes is a toy.
"""

import dataclasses
import logging
import sys
from pathlib import Path

from devstack_lite import cloud as clouds
from devstack_lite import processes
from devstack_lite.supervisor import Supervisor


class NoBroker:
    def start(self) -> None: ...

    def is_ready(self) -> bool:
        return True

    def exit_code(self) -> None:
        return None

    def pids(self) -> list[int]:
        return []

    def stop(self, timeout_s: float) -> None: ...

    def last_words(self) -> str:
        return ""


def main() -> int:
    state_dir = Path(sys.argv[1])
    logging.basicConfig(filename=state_dir / "logs" / "supervisor.log", level=logging.INFO)
    cloud = clouds.load(state_dir)
    assert cloud is not None
    sys.path.append(str(Path(__file__).parent))

    def bootstrap() -> None:
        if "--dies" in sys.argv:
            raise RuntimeError("this bootstrap always fails")

    table = [dataclasses.replace(one, module="daemon") for one in processes.of(cloud)]
    return Supervisor(
        cloud, table=table, broker=NoBroker(), bootstrap=bootstrap, modules=["oslo_service.service"]
    ).run()


if __name__ == "__main__":
    sys.exit(main())
