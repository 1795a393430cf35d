"""What must hold of a cloud at any time, as pure functions over a snapshot of it."""
