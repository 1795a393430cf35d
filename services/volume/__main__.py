"""Starts the volume service: python -m services.volume --config-file F."""

from __future__ import annotations

from devstack_lite import daemon

if __name__ == "__main__":
    daemon.serve_wsgi("volume", "volume")
