"""Playing hands with a strategy, and along hands that others played."""
