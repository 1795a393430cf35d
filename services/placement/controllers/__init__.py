"""What placement answers, a module per noun."""
