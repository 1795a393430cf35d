"""oslo.log, set up the same in every daemon: its own file, and the stream of all of them.

Each line carries the request id and the instance's uuid of the context that is the thread's own, so
that a search for a request id shows its whole path through the processes.
"""

from __future__ import annotations

import logging
from typing import Any

from oslo_log import formatters, log

_FORMAT = (
    "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(daemon)s %(name)s"
    " [{ids}] %(instance)s%(message)s"
)
_QUIET = ("amqp", "oslo.messaging", "oslo_messaging", "cotyledon", "alembic", "cheroot", "urllib3")


def configure(conf: Any, daemon: str) -> None:
    """Send this process's log to conf.log_file and to conf.combined_log, or to stderr.

    One that forks no workers is in front of somebody, who reads it there as well.
    """
    with_context = _FORMAT.format(ids="%(request_id)s %(global_request_id)s").replace(
        "%(daemon)s", daemon
    )
    without = _FORMAT.format(ids="-").replace("%(daemon)s", daemon)
    conf.set_default("logging_context_format_string", with_context)
    conf.set_default("logging_default_format_string", without)
    conf.set_default(
        "logging_exception_prefix",
        f"%(asctime)s.%(msecs)03d %(process)d ERROR {daemon} %(name)s %(instance)s",
    )
    if not conf.fork:
        conf.set_default("use_stderr", True)
    conf.set_default("default_log_levels", [f"{name}=WARNING" for name in _QUIET])
    log.setup(conf, "devstack-lite")
    root = logging.getLogger()
    if conf.combined_log:
        root.addHandler(logging.FileHandler(conf.combined_log))
    formatter = _Once(project="devstack-lite", config=conf, datefmt=conf.log_date_format)
    for handler in root.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.setFormatter(formatter)


class _Once(formatters.ContextFormatter):  # type: ignore[misc]
    """Formats a line once for all files that it goes into."""

    def format(self, record: logging.LogRecord) -> str:
        line: str | None = record.__dict__.get("line")
        if line is None:
            line = record.__dict__["line"] = super().format(record)
        return line
