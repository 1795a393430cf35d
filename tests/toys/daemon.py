"""A daemon that does nothing but note each fork: `time group number pid replaced_pid`.

Started as a process: `python -P daemon.py --config-file F`, or by the supervisor. `cloud_name` in
its configuration file says what goes wrong: `dies` fails in each start, `lingers` never stops by
itself.
"""

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from devstack_lite import conf as configuration
from devstack_lite import launcher


class Toy:
    def __init__(self, notes: Path, group: str, number: int, trouble: str) -> None:
        self.notes, self.group, self.number, self.trouble = notes, group, number, trouble

    def note(self, what: str) -> None:
        with self.notes.open("a") as notes:
            notes.write(
                f"{what} {time.monotonic():.3f} {self.group} {self.number} {os.getpid()}"
                f" {launcher.replaced_pid() or 0}\n"
            )

    def reloaded(self, conf: Any, _fresh: object) -> None:
        self.note(f"debug={conf.debug}")

    def start(self) -> None:
        if self.trouble == "dies":
            raise RuntimeError("this toy always fails")
        self.note("start")

    def stop(self) -> None:
        self.note("stop")
        if self.trouble == "lingers":
            time.sleep(3600)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    conf = configuration.load("toy", sys.argv[1:])
    notes = Path(conf.state_dir) / f"{conf.host}.notes"

    def factory_of(group: str) -> launcher.WorkerFactory:
        def make(number: int) -> launcher.Worker:
            toy = Toy(notes, group, number, conf.cloud_name)
            conf.register_mutate_hook(toy.reloaded)
            return toy

        return make

    groups = (("toy", conf.conductor.workers), ("extra", 1))
    launcher.run(
        conf,
        "toy",
        [
            launcher.WorkerGroup(name=name, workers=workers, factory=factory_of(name))
            for name, workers in groups
        ],
    )


if __name__ == "__main__":
    main()
