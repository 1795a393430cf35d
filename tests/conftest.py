"""What every test needs first: oslo.service's threading backend, chosen before anything asks."""

import os
import signal
import tempfile

import pytest
from hypothesis import settings

from devstack_lite import launcher

launcher.use_threads()


def pytest_configure(config: pytest.Config) -> None:
    """Have clients and libraries keep their caches in a folder that goes with the tests.

    And have Ctrl-C reach the tests and what they start: a shell's background jobs ignore it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What an example takes says more about who else is on the machine than about the code.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
    folder = tempfile.TemporaryDirectory(prefix="devstack-lite-tests-")
    config.add_cleanup(folder.cleanup)
    os.environ["XDG_CACHE_HOME"] = os.environ["NOVACLIENT_UUID_CACHE_DIR"] = folder.name


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer --update-golden."""
    parser.addoption(
        "--update-golden", action="store_true", help="write the transcripts in tests/golden anew"
    )
