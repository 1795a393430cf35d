"""The compute API: HTTP in front, RPC behind."""
