"""Cinder's v3 API."""
