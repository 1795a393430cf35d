"""Loading a service's WSGI application from the Paste file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paste.deploy

DEPLOY = Path(__file__).resolve().parent.parent.parent / "deploy"


def load_app(conf: Any, name: str) -> Any:
    """Return the application of that name from the configured Paste file."""
    path = conf.paste_config or str(DEPLOY / "api-paste.ini")
    return paste.deploy.loadapp(f"config:{Path(path).resolve()}", name=name)
