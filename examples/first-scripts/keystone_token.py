"""Ask identity for a token with nothing but the standard library, by the v2.0 call."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any, NamedTuple


class Access(NamedTuple):
    """What one call to identity gives: who you are, and where everything is."""

    token: str
    catalog: dict[str, str]
    """By the type of a service, its public URL."""


def send(url: str, token: str = "", body: Any = None) -> Any:
    """GET a URL, or POST a body to it; return the answer's JSON."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if token:
        headers["X-Auth-Token"] = token
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        return json.load(answer)


def log_in() -> Access:
    """Get a token for what the OS_… variables say (`eval "$(devstack-lite env)"`)."""
    root = os.environ["OS_AUTH_URL"].rstrip("/").removesuffix("/v3")
    credentials = {"username": os.environ["OS_USERNAME"], "password": os.environ["OS_PASSWORD"]}
    auth = {"tenantName": os.environ["OS_PROJECT_NAME"], "passwordCredentials": credentials}
    access = send(f"{root}/v2.0/tokens", body={"auth": auth})["access"]
    catalog = {one["type"]: one["endpoints"][0]["publicURL"] for one in access["serviceCatalog"]}
    return Access(access["token"]["id"], catalog)


if __name__ == "__main__":
    print(json.dumps(log_in()._asdict(), indent=4))
