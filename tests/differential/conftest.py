"""Both APIs, made once; tests that use them are skipped without the nova package."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def nova() -> Any:
    from tests.differential import both_apis

    return both_apis.novas_application()


@pytest.fixture(scope="session")
def ours() -> Any:
    from tests.differential import both_apis

    return both_apis.our_application(both_apis.our_router())
