"""What the image service answers, a class per noun."""
