"""Show all images, asked of compute, which passes the question on to the image service."""

from __future__ import annotations

import json

from keystone_token import log_in, send

access = log_in()
print(json.dumps(send(f"{access.catalog['compute']}/images/detail", access.token), indent=4))
