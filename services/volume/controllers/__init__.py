"""What the volume service answers, a class per noun."""
