"""What every test needs first: oslo.service's threading backend, chosen before anything asks."""

import pytest

from devstack_lite import launcher

launcher.use_threads()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer --update-golden."""
    parser.addoption(
        "--update-golden", action="store_true", help="write the transcripts in tests/golden anew"
    )
