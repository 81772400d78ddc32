"""Many machines: ranks train one strategy, each on a table of its own, and meet to exchange."""
