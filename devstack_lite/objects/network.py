"""Networks, subnets and ports."""

from __future__ import annotations
