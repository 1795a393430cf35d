"""What the conductor offers by RPC, an interface per noun."""
