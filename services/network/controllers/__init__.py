"""Controllers of the network API, one module per noun."""
