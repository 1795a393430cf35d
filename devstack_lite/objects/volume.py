"""Volumes and their attachments."""

from __future__ import annotations
