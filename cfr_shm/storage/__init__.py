"""Arrays in files: written whole, checked when they are read."""
