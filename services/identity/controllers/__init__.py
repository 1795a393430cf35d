"""What identity answers, a module per noun."""
