"""A run from its configuration to its summary, and what is asked of runs before and after."""
