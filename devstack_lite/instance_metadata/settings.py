"""What the configuration adds to every instance's metadata."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from devstack_lite.instance_metadata.content import Settings

LOG = logging.getLogger(__name__)


def settings_of(options: Any) -> Settings:
    """Return what [api] says now; the vendor's file is read anew each time."""
    return Settings(
        dhcp_domain=options.dhcp_domain,
        vendor_data=_vendor_data(options.vendordata_jsonfile_path),
        has_static_provider="StaticJSON" in options.vendordata_providers,
    )


def _vendor_data(path: str | None) -> dict[str, Any]:
    """Return what the file holds; nothing, and a warning, when it cannot be read."""
    if not path:
        return {}
    try:
        found = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        LOG.warning("vendordata_jsonfile_path cannot be read: %s", error)
        return {}
    if not isinstance(found, dict):
        LOG.warning("vendordata_jsonfile_path: %s holds no JSON object", path)
        return {}
    return found
