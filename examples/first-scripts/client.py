"""A novaclient for what the OS_… variables say."""

from __future__ import annotations

import os
from typing import Any

from keystoneauth1 import identity, session
from novaclient import client


def connect(version: str = "2.1") -> Any:
    """Return a client; its managers are its attributes: servers, flavors, keypairs, …"""
    auth = identity.Password(
        os.environ["OS_AUTH_URL"],
        username=os.environ["OS_USERNAME"],
        password=os.environ["OS_PASSWORD"],
        project_name=os.environ["OS_PROJECT_NAME"],
        user_domain_name=os.environ.get("OS_USER_DOMAIN_NAME", "Default"),
        project_domain_name=os.environ.get("OS_PROJECT_DOMAIN_NAME", "Default"),
    )
    region = os.environ.get("OS_REGION_NAME")
    return client.Client(version, session=session.Session(auth=auth), region_name=region)
