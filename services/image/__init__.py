"""Glance's v2 API with local storage."""
