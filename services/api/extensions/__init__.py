"""What packages from outside add to the compute API: loading, allowing, denying, installing it."""
