"""The catalog: which services there are, and where, for a project."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

_IDS = uuid.UUID("3f7a1c5e-2a0f-49f0-8a5b-7d4c3b2a1f00")

# (type, name, option of [endpoints], whether the project's id follows)
SERVICES = (
    ("identity", "keystone", "identity", False),
    ("compute", "nova", "compute", False),
    ("image", "glance", "image", False),
    ("network", "neutron", "network", False),
    ("volumev3", "cinderv3", "volume", True),
    ("block-storage", "cinder", "volume", True),
)

INTERFACES = ("public", "internal", "admin")


def _id(*parts: str) -> str:
    return uuid.uuid5(_IDS, "/".join(parts)).hex


class Catalog:
    """Read from the configuration; nothing changes it while the cloud is up."""

    def __init__(self, endpoints: Mapping[str, str], region: str) -> None:
        self._endpoints = endpoints
        self._region = region

    def view(self, project_id: str | None) -> list[dict[str, Any]]:
        """Return the catalog of v3 tokens; without a project, what needs one is left out."""
        return [
            {
                "id": _id(kind),
                "type": kind,
                "name": name,
                "endpoints": [
                    {
                        "id": _id(kind, interface),
                        "interface": interface,
                        "region": self._region,
                        "region_id": self._region,
                        "url": self._url(option, project_id if is_scoped else None),
                    }
                    for interface in INTERFACES
                ],
            }
            for kind, name, option, is_scoped in SERVICES
            if project_id is not None or not is_scoped
        ]

    def view_v2(self, project_id: str | None) -> list[dict[str, Any]]:
        """Return the serviceCatalog of v2.0."""
        return [
            {
                "type": entry["type"],
                "name": entry["name"],
                "endpoints_links": [],
                "endpoints": [
                    {
                        "id": entry["id"],
                        "region": self._region,
                        "publicURL": entry["endpoints"][0]["url"],
                        "internalURL": entry["endpoints"][1]["url"],
                        "adminURL": entry["endpoints"][2]["url"],
                    }
                ],
            }
            for entry in self.view(project_id)
        ]

    def services(self) -> list[dict[str, Any]]:
        """Return the services as /v3/services lists them."""
        return [
            {"id": _id(kind), "type": kind, "name": name, "enabled": True, "description": ""}
            for kind, name, _option, _is_scoped in SERVICES
        ]

    def endpoints(self) -> list[dict[str, Any]]:
        """Return the endpoints as /v3/endpoints lists them."""
        return [
            {
                "id": _id(kind, interface),
                "service_id": _id(kind),
                "interface": interface,
                "region": self._region,
                "region_id": self._region,
                "enabled": True,
                "url": self._url(option, "$(project_id)s" if is_scoped else None),
            }
            for kind, _name, option, is_scoped in SERVICES
            for interface in INTERFACES
        ]

    def regions(self) -> list[dict[str, Any]]:
        """Return the regions as /v3/regions lists them."""
        return [{"id": self._region, "description": "", "parent_region_id": None}]

    def _url(self, option: str, project_id: str | None) -> str:
        base = str(self._endpoints[option])
        return f"{base}/{project_id}" if project_id else base
