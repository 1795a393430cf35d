"""How the compute API shows things: plain functions from objects to dicts."""
