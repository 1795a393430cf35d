"""What a guest reads of its instance, over HTTP and on its config drive: the same content."""
