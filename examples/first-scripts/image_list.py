"""List images through novaclient; with -v each request of it is shown as a curl command."""

from __future__ import annotations

import logging
import sys

from client import connect

if "-v" in sys.argv[1:]:
    logging.basicConfig(level=logging.DEBUG)

for image in connect().glance.list():
    print(image.id, image.name, image.status)
