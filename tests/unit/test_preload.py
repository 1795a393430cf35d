"""What is imported before the supervisor forks."""

from __future__ import annotations

import json
import subprocess
import sys


def test_preloading_starts_no_thread_and_imports_no_service() -> None:
    """A process with threads must not be forked, and a service is the daemon's own to import."""
    code = (
        "import importlib, json, os, sys\n"
        "os.environ['OPENBLAS_NUM_THREADS'] = '1'\n"
        "from devstack_lite import launcher, preload\n"
        "launcher.use_threads()\n"
        "for name in preload.shared_modules(): importlib.import_module(name)\n"
        "own = [name for name in sys.modules if name.split('.')[0] in ('services', 'alembic')]\n"
        "print(json.dumps([len(os.listdir('/proc/self/task')), own]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [1, []]
