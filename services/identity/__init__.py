"""Keystone's v3 API, and the token call of v2.0."""
