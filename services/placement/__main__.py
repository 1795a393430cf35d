"""Starts placement: python -m services.placement --config-file F."""

from __future__ import annotations

from devstack_lite import daemon


def main() -> None:
    """Run the launcher until it is told to stop."""
    daemon.serve_wsgi("placement", "placement")


if __name__ == "__main__":
    main()
