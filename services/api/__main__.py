"""Starts the compute API: python -m services.api --config-file F."""

from __future__ import annotations

from devstack_lite import daemon


def main() -> None:
    """Run the launcher until it is told to stop."""
    daemon.serve_wsgi("api", "osapi_compute")


if __name__ == "__main__":
    main()
