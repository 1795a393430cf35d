"""Projects, users and roles."""

from __future__ import annotations
