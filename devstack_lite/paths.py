"""Where the project's own data files are."""

from __future__ import annotations

from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
"""The folder `deploy/`, beside the packages both in a checkout and where a wheel is installed."""
